"""Count added and removed examples: the old object and the new file, line by line."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ..specs import is_gcs
from ..vertex import Vertex, connect
from ..vertex.errors import VertexError
from .model import Data
from .preview import Planned

MOST_BYTES = 256 * 2**20


class Comparison:
    """Compares where both can be read; otherwise the report says why. A failed connection is not retried."""

    def __init__(self, folder: Path, vertex: Vertex | None = None) -> None:
        self._folder, self._vertex, self._why = folder, vertex, ""

    def __call__(self, resource: Planned, data: Data) -> Data:
        """The dataset with its lines compared, or with the reason why not."""
        before, after = resource.before or {}, resource.after or {}
        if not before or not after:
            return data
        source = str(after.get("source", ""))
        path = self._folder / source
        if is_gcs(source) or is_gcs(str(before.get("source", ""))):
            return _not(data, "the content is in Cloud Storage and is not compared")
        if not path.is_file():
            return _not(data, "the new file does not exist")
        if max(int(before.get("bytes") or 0), path.stat().st_size) > MOST_BYTES:
            return _not(data, f"larger than {MOST_BYTES // 2**20} MiB, not compared")
        if self._why:
            return _not(data, self._why)
        try:
            with tempfile.TemporaryDirectory() as folder:
                old = Path(folder) / "old"
                self._vertex = self._vertex or connect()
                self._vertex.storage.download(str(before["uri"]), old)
                was = Counter(_lines(old))
        except VertexError as error:
            self._why = f"the old content cannot be read: {error}"
            return _not(data, self._why)
        now = Counter(_lines(path))
        return msgspec.structs.replace(data, added=(now - was).total(), removed=(was - now).total())


def _not(data: Data, why: str) -> Data:
    return msgspec.structs.replace(data, not_compared=why)


def _lines(path: Path) -> Iterator[bytes]:
    """A short digest of each line that is not blank."""
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield hashlib.blake2b(line.rstrip(b"\r\n"), digest_size=12).digest()
