"""A file read once from beginning to end: its checksums, and where its lines can be cut."""

import base64
import hashlib
from collections.abc import Iterator
from io import FileIO
from typing import Final

from vertex_tuning.dataset.pieces import PIECE_BYTES

# What one worker is given at a time: enough that asking costs nothing beside it, little enough that none is
# left with much to do when the others are done.
PART_BYTES: Final = 8 << 20


class Fingerprint:
    """SHA-256, CRC32C and size of a file, complete when `parts` is exhausted."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._crc32c = 0

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def crc32c(self) -> str:
        """Base64 of the big-endian checksum, as in Cloud Storage's object metadata."""
        return base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()

    def parts(self, file: FileIO) -> Iterator[tuple[int, int]]:
        """Read and fingerprint an open file, and tell on the way which bytes are whole lines.

        Each part begins where the one before it ended, and holds at least `PART_BYTES` unless it is the last
        or the first. The first is small: it says what the others are to be read as. Raises OSError when
        reading fails.
        """
        # Its C library takes a while to load, and a settled stack never hashes anything.
        from google_crc32c import extend

        start = end = enough = 0
        while piece := file.read(PIECE_BYTES):
            self._sha256.update(piece)
            self._crc32c = extend(self._crc32c, piece)
            if line_end := piece.rfind(b"\n") + 1:
                end = self.size + line_end
            self.size += len(piece)
            if end > start and end - start >= enough:
                yield start, end
                start, enough = end, PART_BYTES
        if start < self.size:
            yield start, self.size
