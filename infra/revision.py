"""Which commit of the program is running."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{7,64}(-dirty)?")


def revision(environment: Mapping[str, str], root: Path) -> str | None:
    """The commit, with ``-dirty`` if files have changed; ``None`` if unknown.

    A pipeline on GitHub says it in ``GITHUB_SHA``, elsewhere git is asked about ``root``.
    """
    said = environment.get("GITHUB_SHA") or _asked(root)
    return said if _COMMIT.fullmatch(said) else None


def _asked(root: Path) -> str:
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip()
