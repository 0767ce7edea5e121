"""Which bytes a file holds."""

import hashlib
from collections.abc import Iterable

from vertex_tuning.checksums import crc32c_text


class Fingerprint:
    """SHA-256 and CRC32C of what has been added."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._crc32c = 0

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def crc32c(self) -> str:
        """As in Cloud Storage's object metadata."""
        return crc32c_text(self._crc32c)

    def add(self, pieces: Iterable[bytes]) -> None:
        """Take the bytes that follow; raises what reading them raises."""
        # Its C library takes a while to load, and a settled stack never hashes anything.
        from google_crc32c import extend

        for piece in pieces:
            self._sha256.update(piece)
            self._crc32c = extend(self._crc32c, piece)
