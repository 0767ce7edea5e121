"""Errors of reading JSON from outside."""

from __future__ import annotations

import re
from typing import Final

from msgspec import MsgspecError

REFUSED: Final = (MsgspecError, UnicodeDecodeError, RecursionError)
"""msgspec's errors of syntax and types, and Python's for bytes that are not UTF-8 and for deep nesting."""

_POSITION: Final = re.compile(r" \(byte (\d+)\)$")


def counted_from_one(said: str) -> str:
    """msgspec's message about broken JSON, with bytes counted from 1."""
    return _POSITION.sub(lambda found: f" (byte {int(found[1]) + 1})", said)
