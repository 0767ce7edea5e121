"""Read headers of safetensors files without their tensors.

A file is the header's length as eight bytes, the header as JSON, and the tensors one after the other.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from ..decoding import REFUSED

MAX_HEADER = 100_000_000
"""Bytes; the format's own limit."""


BITS = {
    **dict.fromkeys(["F4"], 4),
    **dict.fromkeys(["F6_E2M3", "F6_E3M2"], 6),
    **dict.fromkeys(["F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "BOOL", "U8", "I8"], 8),
    **dict.fromkeys(["I16", "U16", "F16", "BF16"], 16),
    **dict.fromkeys(["I32", "U32", "F32"], 32),
    **dict.fromkeys(["C64", "F64", "I64", "U64"], 64),
}
"""Every type of number that the format knows, and the bits of one number."""


class Tensor(msgspec.Struct, frozen=True):
    """A tensor as the header has it. ``data_offsets``: first byte and the one after the last."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


class Unreadable(ValueError):
    """The file is not a complete safetensors file; the text says why, without its name."""


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name.

    Raises:
        Unreadable: it is too short, too long, or not a safetensors file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            raise Unreadable("is not a complete safetensors file")
        text = file.read(length)
    try:
        raw: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        raw.pop("__metadata__", None)
        tensors = msgspec.convert(raw, dict[str, Tensor])
    except REFUSED as error:
        raise Unreadable(f"has an invalid safetensors header: {error}") from error
    wrong = _layout(tensors)
    if wrong:
        raise Unreadable(wrong)
    ends = 8 + length + max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
    if ends != size:
        raise Unreadable(f"has {size:,} bytes, and its header describes {ends:,}. Download it again")
    return tensors


def _layout(tensors: dict[str, Tensor]) -> str:
    """Why the header's offsets are invalid, in one line; empty if they are valid.

    The format requires tensors without gaps and overlaps.
    """
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda each: each[1].data_offsets):
        bits = BITS.get(tensor.dtype)
        if bits is None:
            return f"has {name} in the type {tensor.dtype!r}, which safetensors does not know"
        begin, end = tensor.data_offsets
        if begin != at or end < begin:
            return f"has {name} at bytes {begin:,} to {end:,}, and the tensors before it end at {at:,}"
        if any(size < 0 for size in tensor.shape) or 8 * (end - begin) != bits * math.prod(tensor.shape):
            shape = " x ".join(f"{size:,}" for size in tensor.shape) or "one"
            return f"has {name} in {end - begin:,} bytes, which do not hold {shape} numbers of {tensor.dtype}"
        at = end
    return ""
