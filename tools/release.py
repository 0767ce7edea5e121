"""Refuse a release whose tag, version and changelog do not say the same, or that is not on main.

python tools/release.py v0.1.0
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def problems(tag: str, version: str, changelog: str) -> list[str]:
    """What is not ready, one line each."""
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and pyproject.toml says {version}: tag v{version}")
    heading = re.search(rf"^## {re.escape(version)} \((.+)\)$", changelog, re.MULTILINE)
    if heading is None:
        found.append(f"CHANGELOG.md has no heading `## {version} (YYYY-MM-DD)`")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", heading[1]):
        found.append(f"CHANGELOG.md says {heading[1]!r} where the day of {version} belongs")
    return found


def off_main(root: Path) -> list[str]:
    """What is wrong with where the commit stands."""
    ran = subprocess.run(
        ["git", "merge-base", "--is-ancestor", "HEAD", "origin/main"],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    if not ran.returncode:
        return []
    return [f"the tagged commit is not on main: merge it first, then tag main {ran.stderr.strip()}".strip()]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: release.py TAG")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = problems(sys.argv[1], project["version"], (ROOT / "CHANGELOG.md").read_text()) + off_main(ROOT)
    sys.exit("\n".join(told) or 0)
