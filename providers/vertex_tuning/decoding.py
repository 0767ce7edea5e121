"""What reading JSON from outside can raise."""

from __future__ import annotations

import re
from typing import Final

from msgspec import MsgspecError

REFUSED: Final = (MsgspecError, UnicodeDecodeError, RecursionError)
"""msgspec's own errors for syntax and types, and Python's for bytes that are not UTF-8 and for nesting deeper
than its stack."""

_POSITION: Final = re.compile(r" \(byte (\d+)\)$")


def counted_from_one(said: str) -> str:
    """What msgspec says of broken JSON, with the byte counted from 1, as it is in encodings."""
    return _POSITION.sub(lambda found: f" (byte {int(found[1]) + 1})", said)
