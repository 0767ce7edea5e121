"""A file in parts and pieces of whole lines."""

import os
from collections.abc import Iterable, Iterator
from typing import Final

# A piece and what is decoded from it stay in the processor's cache, and it is below the size from which the C
# library asks the kernel for fresh pages on every allocation.
PIECE_BYTES: Final = 64 << 10

# What is examined at a time, here or by a worker: enough that asking costs nothing beside it, little enough
# that none is left with much to do when the others are done.
PART_BYTES: Final = 8 << 20

# The longest sequence that can be tuned on is 12288 tokens, some 48 KB of text; an image in the line may take
# megabytes. The bound keeps a file without line ends from being read into memory whole.
MAX_LINE_BYTES: Final = 16 << 20


def pieces_between(file: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes of an open file from `start` to before `end`, or to where the file ends by now.

    The file's own position is neither used nor moved: processes may share it. Raises OSError when reading
    fails.
    """
    while start < end and (piece := os.pread(file, min(PIECE_BYTES, end - start), start)):
        start += len(piece)
        yield piece


def parts(file: int) -> Iterator[tuple[int, int]]:
    """Where an open file can be cut: each part ends after a line, and begins where the one before it ended.

    It holds at least `PART_BYTES` unless it is the last or the first. The first is small: it says what the
    others are to be read as. Raises OSError when reading fails.
    """
    start = 0
    end = _line_end(file, 0)
    while start < end:
        yield start, end
        start, end = end, _line_end(file, end + PART_BYTES - 1)


def _line_end(file: int, position: int) -> int:
    """Where the line ends that holds the byte at a position; where the file ends, if none does."""
    size = os.fstat(file).st_size
    for piece in pieces_between(file, position, size):
        if end := piece.find(b"\n") + 1:
            return position + end
        position += len(piece)
    return size


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes | None]:
    """Pieces cut at line ends: each bytes value holds whole lines, None stands for one that is too long.

    A line ends with a line feed, or with the last piece.
    """
    begun: list[bytes] = []  # the pieces of a line whose end has not come yet
    length = 0  # of that line; what is beyond the longest is counted and not kept
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        start = 0
        if begun:
            start = piece.find(b"\n") + 1 or len(piece)
            length += start
            if length <= MAX_LINE_BYTES:
                begun.append(piece[:start])
            if end:
                yield b"".join(begun) if length <= MAX_LINE_BYTES else None
                begun, length = [], 0
        if start < end:
            yield piece[start:end]
        if max(start, end) < len(piece):
            begun, length = [piece[end:]], len(piece) - end
    if begun:
        yield b"".join(begun) if length <= MAX_LINE_BYTES else None
