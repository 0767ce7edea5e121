"""Prompts with expected answers, which score a new model."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .decoding import REFUSED, counted_from_one

MOST = 1000
MOST_BYTES = 10_000_000


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt and its expected answer, whole or in part."""

    prompt: str
    expected: str


_PROMPT = msgspec.json.Decoder(Prompt)


def read(path: Path) -> tuple[Prompt, ...]:
    """The prompts of a JSON Lines file; empty lines are skipped.

    Raises:
        ValueError: it cannot be read, a line is not a prompt, or there are none or too many; the text does
        not
            name the file.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(f"it has {size:,} bytes; the maximum is {MOST_BYTES:,}")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from error
    found: list[Prompt] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_PROMPT.decode(line))
        except REFUSED as error:
            raise ValueError(f"line {number}: {counted_from_one(str(error))}") from error
    if not 0 < len(found) <= MOST:
        raise ValueError(f"it has {len(found):,} prompts; it must have 1 to {MOST:,}")
    return tuple(found)
