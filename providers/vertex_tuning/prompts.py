"""Prompts with expected answers, against which a new model is scored."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .decoding import REFUSED, counted_from_one

MOST = 1000
MOST_BYTES = 10_000_000


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question and what its answer has to be, or to contain."""

    prompt: str
    expected: str


_PROMPT = msgspec.json.Decoder(Prompt)


def read(path: Path) -> tuple[Prompt, ...]:
    """The prompts of a JSON Lines file; empty lines are passed over.

    Raises:
        ValueError: it cannot be read, a line is not a prompt, or there are none or too many; whoever tells it
            says of which file.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(f"it has {size:,} bytes, at most {MOST_BYTES:,} are read")
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
        raise ValueError(f"it has {len(found):,} prompts; 1 to {MOST:,} are asked")
    return tuple(found)
