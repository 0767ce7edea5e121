"""Build the site of documents, run the examples in them, follow the links between them.

    python -m tools.docs

A comment above a fenced block says what the block is, and each has one: ``run`` is run in a copy of the
project; ``stack``, ``keys``, ``shared`` and ``service`` are read as a stack file, keys of its ``config``, a
shared file, or entries of ``services``; ``not-run: REASON`` is left alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from vertex_tuning.stack import InvalidStack, load
from vertex_tuning.stack.layers import own_values

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("Pulumi.yaml", "data", "infra", "stacks", "tools")
LIMIT_S = 120
_BLOCK = re.compile(r"^(?:<!-- ([^\n]+?) -->\n)?( *)```\w*\n(.*?)^\2```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?[^)]*\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
STACK = {
    "team": "docs",
    "environment": "docs",
    "project": "acme-search-dev",
    "region": "us-central1",
    "output_uri": "gs://acme-search-dev-tuning/models",
}


class Example(NamedTuple):
    """A fenced block, its mark, and where it stands."""

    where: str
    mark: str
    text: str


def examples(path: Path) -> Iterator[Example]:
    text = path.read_text()
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Example(f"{path.relative_to(ROOT)}:{line}", found[1] or "", found[3])


def problems(example: Example, project: Path) -> str | None:
    """Why an example is wrong, or ``None``."""
    kind, _, reason = example.mark.partition(": ")
    match kind:
        case "run":
            return ran(example.text, project)
        case "not-run":
            return None if reason else "not-run needs its reason: <!-- not-run: REASON -->"
        case "stack":
            own = own_values(yaml.safe_load(example.text)["config"])
        case "keys":
            own = {**STACK, **own_values(yaml.safe_load(example.text))}
        case "shared":
            return as_shared(example.text, project)
        case "service":
            own = {**STACK, "services": yaml.safe_load(example.text)}
        case _:
            return (
                f"{example.mark!r} is no mark of a block: run, stack, keys, shared, service, not-run: REASON"
            )
    return refused(own, project)


def as_shared(text: str, project: Path) -> str | None:
    """Why a text is wrong as a file that stacks share, or ``None``."""
    file = project / "stacks" / "environments" / f"{STACK['environment']}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    try:
        return refused(STACK, project)
    finally:
        file.unlink()


def refused(own: Mapping[str, object], project: Path) -> str | None:
    """Why a stack's own values are refused, or ``None``."""
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
    for name, anchor in _LINK.findall(path.read_text()):
        if "://" in name:
            continue
        target = path.parent / name if name else path
        if not target.exists():
            yield f"{path.name}: the link to {name} leads nowhere"
        elif anchor and anchor not in anchors(target):
            yield f"{path.name}: {name or path.name} has no heading for #{anchor}"


def anchors(path: Path) -> set[str]:
    """The headings of a page as GitHub and MkDocs make them part of an address."""
    told = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in _HEADING.findall(path.read_text()))
    return {re.sub(r"\s+", "-", heading.strip()) for heading in told}


def site() -> int:
    """MkDocs in its strict mode: every link and anchor is there."""
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        ["mkdocs", "build", "--strict", "--quiet"], cwd=ROOT, env=environment, check=False
    ).returncode


def main() -> int:
    outside, inside = sorted(ROOT.glob("*.md")), sorted((ROOT / "docs").rglob("*.md"))
    wrong = [told for path in outside for told in dead_links(path)]
    with tempfile.TemporaryDirectory() as made:
        project = Path(made)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, project / name)
        os.chdir(project)
        for example in (each for path in [*outside, *inside] for each in examples(path)):
            told = problems(example, project)
            if told:
                wrong.append(f"{example.where}: {told}")
        os.chdir(ROOT)
    for told in wrong:
        print(told, file=sys.stderr)
    return 1 if site() or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
