"""Lint the workflows: zizmor for what could be misused, actionlint for what would not run.

zizmor comes with the virtual environment. actionlint is taken from PATH, else run from the Go module pinned
beside this file; where there is no Go, that half is left out, and it is said.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def actionlint() -> list[str] | None:
    if shutil.which("actionlint"):
        return ["actionlint"]
    return ["go", "tool", "actionlint"] if shutil.which("go") else None


def main() -> int:
    zizmor = subprocess.run(
        ["zizmor", "--offline", "--quiet", "--no-progress", ".github"], cwd=ROOT, check=False
    ).returncode
    command = actionlint()
    if command is None:
        print("workflows: not looked at by actionlint, there is neither it nor Go here", file=sys.stderr)
        return zizmor
    # shellcheck and pyflakes would be used where they happen to be: the same findings everywhere instead.
    files = sorted(map(str, (ROOT / ".github" / "workflows").glob("*.yml")))
    return (
        zizmor
        or subprocess.run([*command, "-shellcheck=", "-pyflakes=", *files], cwd=HERE, check=False).returncode
    )


if __name__ == "__main__":
    sys.exit(main())
