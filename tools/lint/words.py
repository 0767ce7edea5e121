"""Check that code, messages and documents use plain words, and that links to decisions work.

    python tools/lint/words.py

The phrases and their replacements are in ``words.toml``. A decision is referred to by its heading,
``DECISIONS.md#its-heading``, never by a number.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("words.toml")
CHECKED = ("providers", "emulator", "tools", "policy", "infra", "docs", "*.md")
KINDS = frozenset({".py", ".md", ".json", ".yml", ".yaml", ".toml"})
QUOTES = ("tools/lint/words.toml", "tools/lint/words.py", "CHANGELOG.md", "docs/evidence.md")
_DECISION = re.compile(r"DECISIONS(?:\.md#([\w-]+)|(?:\.md)? +\d+)")


def phrases() -> dict[re.Pattern[str], str]:
    """Each banned phrase with its replacement."""
    listed = tomllib.loads(LIST.read_text())["phrases"]
    return {re.compile(phrase, re.IGNORECASE): better for phrase, better in listed.items()}


def files() -> Iterator[Path]:
    """The tracked files that are checked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *CHECKED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if name not in QUOTES and Path(name).suffix in KINDS and (ROOT / name).exists():
            yield ROOT / name


def problems(text: str, banned: Mapping[re.Pattern[str], str], decisions: set[str]) -> Iterator[str]:
    """The banned phrases in a text and its wrong references to decisions, each with its line."""
    for phrase, better in banned.items():
        for found in phrase.finditer(text):
            yield f"{_line(text, found.start())}: {found[0]!r}: write instead: {better}"
    for found in _DECISION.finditer(text):
        if found[1] not in decisions:
            yield f"{_line(text, found.start())}: {found[0]!r}: no such heading in DECISIONS.md"


def headings(text: str) -> set[str]:
    """The anchors of a Markdown page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in found}


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def main() -> int:
    """Print each problem; 1 if there are any."""
    banned, decisions = phrases(), headings((ROOT / "DECISIONS.md").read_text())
    found = [
        f"{path.relative_to(ROOT)}:{problem}"
        for path in files()
        for problem in problems(path.read_text(), banned, decisions)
    ]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
