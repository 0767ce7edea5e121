"""What reading JSON from outside can raise."""

from __future__ import annotations

from typing import Final

from msgspec import MsgspecError

REFUSED: Final = (MsgspecError, UnicodeDecodeError, RecursionError)
"""msgspec's own errors for syntax and types, and Python's for bytes that are not UTF-8 and for nesting deeper
than its stack."""
