"""Parts of generated files: a table, a note on the source, JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec


def made_from(source: str) -> str:
    """A comment that says where to edit instead."""
    return f"<!-- Made by `make pages` from {source}. -->"


def table(headings: Collection[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(map(str, row))} |" for row in (headings, ["---"] * len(headings), *rows)]


def json_text(value: Any) -> str:
    """JSON as it is committed and as the commands print it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
