"""The checksums that Cloud Storage keeps of an object."""

import base64
import hashlib
from pathlib import Path

import google_crc32c
import msgspec

CHUNK = 1024 * 1024


class Checksums(msgspec.Struct, frozen=True):
    """Both checksums in base64, as Cloud Storage shows them."""

    size: int
    crc32c: str
    md5: str


class Running:
    """Checksums of bytes that pass by."""

    def __init__(self) -> None:
        self._crc32c = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        self._crc32c = google_crc32c.extend(self._crc32c, data)
        self._md5.update(data)
        self.size += len(data)

    def result(self) -> Checksums:
        """The checksums of what has passed."""
        return Checksums(
            self.size,
            base64.b64encode(self._crc32c.to_bytes(4, "big")).decode(),
            base64.b64encode(self._md5.digest()).decode(),
        )


def checksums(path: Path) -> Checksums:
    """The checksums of a file, read in pieces."""
    running = Running()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            running.update(data)
    return running.result()
