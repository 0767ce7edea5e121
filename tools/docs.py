"""Build the site of documents, run the examples in them, follow the links between them.

    python -m tools.docs

A comment above a fenced block says what the block is: ``run`` is run in a copy of the project, ``stack``,
``shared`` and ``service`` are read as a stack file, a shared file, or entries of ``services``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from vertex_tuning.stack import NAMESPACE, InvalidStack, load

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("Pulumi.yaml", "data", "infra", "stacks", "tools")
LIMIT_S = 120
_EXAMPLE = re.compile(r"^<!-- (\w+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
STACK = {
    "team": "docs",
    "environment": "docs",
    "project": "acme-search-dev",
    "region": "us-central1",
    "output_uri": "gs://acme-search-dev-tuning/models",
}


class Example(NamedTuple):
    """A marked block and where it stands."""

    where: str
    kind: str
    text: str


def examples(path: Path) -> Iterator[Example]:
    text = path.read_text()
    for found in _EXAMPLE.finditer(text):
        line = text.count("\n", 0, found.start(2)) + 1
        yield Example(f"{path.relative_to(ROOT)}:{line}", found[1], found[2])


def mistakes(example: Example, project: Path) -> str | None:
    """Why an example is wrong, or ``None``."""
    if example.kind == "run":
        return ran(example.text, project)
    values = yaml.safe_load(example.text)
    match example.kind:
        case "stack":
            prefix = f"{NAMESPACE}:"
            own = {key.removeprefix(prefix): value for key, value in values["config"].items()}
        case "shared":
            own = {**STACK, **values}
        case "service":
            own = {**STACK, "services": values}
        case _:
            return f"unknown mark {example.kind!r}"
    try:
        load("docs", own, {}, root=project)
    except InvalidStack as error:
        return str(error)
    return None


def ran(script: str, project: Path) -> str | None:
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took more than {LIMIT_S} seconds"
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}" if done.returncode else None


def dead_links(path: Path) -> Iterator[str]:
    """Relative links of a page outside the site that lead nowhere; MkDocs looks at the others."""
    for target in _LINK.findall(path.read_text()):
        if "://" not in target and not (path.parent / target).exists():
            yield f"{path.name}: the link to {target} leads nowhere"


def site() -> int:
    """MkDocs in its strict mode: every link and anchor is there."""
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        ["mkdocs", "build", "--strict", "--quiet"], cwd=ROOT, env=environment, check=False
    ).returncode


def main() -> int:
    wrong = [told for path in sorted(ROOT.glob("*.md")) for told in dead_links(path)]
    with tempfile.TemporaryDirectory() as made:
        project = Path(made)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, project / name)
        os.chdir(project)
        found = [example for path in sorted((ROOT / "docs").rglob("*.md")) for example in examples(path)]
        for example in found:
            told = mistakes(example, project)
            if told:
                wrong.append(f"{example.where}: {told}")
        os.chdir(ROOT)
    for told in wrong:
        print(told, file=sys.stderr)
    return 1 if site() or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
