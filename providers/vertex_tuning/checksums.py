"""Checksums in Cloud Storage's notation."""

from __future__ import annotations

import base64


def crc32c_text(checksum: int) -> str:
    """A CRC32C as in an object's metadata: base64 of four bytes, most significant first."""
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()
