"""Cloud Storage through Google's client."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import google.cloud.storage as gcs
import google_crc32c
from google.api_core.exceptions import NotFound as WireNotFound
from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage.retry import DEFAULT_RETRY

from .. import names
from ..checksums import crc32c_text
from .bounds import SMALL, Bounded, TooLarge, listed
from .client import Blob
from .connection import Connection
from .errors import NotFound, PermissionMissing, Transient
from .retry import CALL, TIMEOUT, looked_up
from .server_clock import ServerClock

PIECE = 32 * 1024 * 1024
"""Bytes of a large object that travel in one call."""
REPEATED = "content"
"""Key of the custom metadata in which a small object's description repeats its bytes: lists show it."""
MOST_REPEATED = 4096
"""Bytes that are repeated at most; Cloud Storage takes 8 KiB of custom metadata."""


def always() -> None:
    """What goes on whatever happens."""


class GoogleStorage:
    """``client.Storage`` on the real service or on one that speaks like it."""

    def __init__(self, connection: Connection) -> None:
        options: dict[str, Any] = {"project": "none"}  # only listing buckets would need a real project
        if connection.endpoint is not None:
            options["client_options"] = {"api_endpoint": connection.endpoint}
        self._server = ServerClock()
        self._make = lambda: self._heard(gcs.Client(**options, credentials=connection.credentials()))
        self._made: gcs.Client | None = None

    @property
    def _client(self) -> gcs.Client:
        if self._made is None:
            self._made = looked_up(self._make)
        return self._made

    def _heard(self, client: gcs.Client) -> gcs.Client:
        """The client, whose answers tell the time."""
        client._http.hooks["response"].append(self._server.hear)
        if hasattr(client, "_bucket_metadata_cache"):
            # For traces, which nobody reads here, it would ask for the bucket beside our own calls.
            client._bucket_metadata_cache = None
        return client

    def _blob(self, uri: str, generation: int | None = None) -> gcs.Blob:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self._client.bucket(bucket).blob(name, generation=generation)

    def stat(self, uri: str) -> Blob | None:
        """The object's identity, or ``None``; ``#GENERATION`` after the URI asks for that one."""
        plain, _, generation = uri.partition("#")
        blob = self._blob(plain, int(generation) if generation else None)
        try:
            looked_up(lambda: blob.reload(**CALL))
        except NotFound:
            return None
        return _view(blob)

    def now(self) -> float:
        """Seconds since the epoch by the service's clock, as its last answers told it."""
        return self._server.now()

    def read(self, uri: str, *, most: int = SMALL) -> tuple[bytes, int] | None:
        """A small object's bytes and generation, or ``None``; as they are stored, so never unpacked.

        Raises:
            TooLarge: it has more bytes than ``most``, or it is packed.
        """

        def attempt() -> tuple[bytes, int]:
            blob, content = self._blob(uri), Bounded(uri, most)
            blob.download_to_file(content, raw_download=True, **CALL)
            if blob.content_encoding:
                raise TooLarge(f"{uri} is packed ({blob.content_encoding}), which nothing here writes")
            return content.getvalue(), int(blob.generation)

        try:
            return looked_up(attempt)
        except NotFound:
            return None

    def write(self, uri: str, content: bytes, *, if_generation: int) -> int | None:
        """Write a small object if its generation is still this; ``None`` when it is not."""

        def attempt() -> int | None:
            blob = self._blob(uri)
            if repeats(content):
                blob.metadata = {REPEATED: content.decode()}
            try:
                blob.upload_from_string(
                    content,
                    content_type="application/json",
                    if_generation_match=if_generation,
                    **CALL,
                )
            except PreconditionFailed:
                # A first try whose answer was lost has written just this.
                seen = self.read(uri)
                return seen[1] if seen is not None and seen[0] == content else None
            return int(blob.generation)

        return looked_up(attempt)

    def remove(self, uri: str, *, if_generation: int) -> bool:
        """Delete if its generation is still this; gone already counts as done."""

        def attempt() -> bool:
            try:
                self._blob(uri).delete(if_generation_match=if_generation, **CALL)
            except PreconditionFailed:
                return False
            except WireNotFound:
                return True
            return True

        return looked_up(attempt)

    def upload(self, path: Path, uri: str) -> Blob:
        """Upload a file to a content-addressed name; an equal object there is left as it is."""

        def attempt() -> Blob:
            blob = self._blob(uri)
            try:
                blob.upload_from_filename(str(path), if_generation_match=0, checksum="crc32c", **CALL)
            except PreconditionFailed:
                blob.reload(**CALL)
            return _view(blob)

        return looked_up(attempt)

    def send(self, path: Path, uri: str, *, if_generation: int) -> Blob | None:
        """Upload a file of any size if the object's generation is still this; ``None`` when it is not.

        It goes in pieces: a connection that breaks costs one piece, not the file.
        """

        def attempt() -> Blob | None:
            blob = self._blob(uri)
            blob.chunk_size = PIECE
            try:
                blob.upload_from_filename(
                    str(path),
                    if_generation_match=if_generation,
                    checksum="crc32c",
                    timeout=TIMEOUT,
                    retry=DEFAULT_RETRY,
                )
            except PreconditionFailed:
                return None
            return _view(blob)

        return looked_up(attempt)

    def download(self, uri: str, path: Path, go_on: Callable[[], None] = always) -> None:
        """Write the object's bytes to ``path``; ``go_on`` may end it between two pieces, by an error.

        Raises:
            Transient: what arrived is not what Cloud Storage has.
        """
        plain, _, generation = uri.partition("#")
        blob = self._blob(plain, int(generation) if generation else None)
        looked_up(lambda: blob.reload(**CALL))
        known, checksum = self._blob(plain, int(blob.generation)), 0
        if blob.content_encoding:
            # It is unpacked on the way, so that neither ranges nor the checksum are those of what arrives.
            looked_up(lambda: known.download_to_filename(str(path), **CALL))
            return
        with path.open("wb") as file:
            for start in range(0, int(blob.size or 0), PIECE):
                go_on()
                read = partial(known.download_as_bytes, start=start, end=start + PIECE - 1, **CALL)
                piece = looked_up(read)
                checksum = google_crc32c.extend(checksum, piece)
                file.write(piece)
        if crc32c_text(checksum) != blob.crc32c:
            raise Transient(f"{uri} arrived with other bytes than Cloud Storage has; run it again")

    def listed(self, uri: str) -> tuple[Blob, ...]:
        """Every object below a folder."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        prefix = f"{name.rstrip('/')}/" if name else ""
        found: list[gcs.Blob] = looked_up(
            lambda: listed(self._client.list_blobs(bucket, prefix=prefix, **CALL), uri, iter)
        )
        return tuple(_view(blob) for blob in found)

    def copy(self, source: str, target: str, go_on: Callable[[], None] = always) -> None:
        """Copy one object within Cloud Storage; ``#GENERATION`` after the source's URI asks for that one.

        ``go_on`` is called before each of the calls that a large object takes, and may end it by an error.
        """
        plain, _, generation = source.partition("#")
        origin = self._blob(plain, int(generation) if generation else None)
        token, blob = None, self._blob(target)
        while True:
            go_on()
            token, _, _ = looked_up(partial(blob.rewrite, origin, token=token, **CALL))
            if token is None:
                return

    def delete(self, uri: str) -> None:
        """Delete one object whatever its generation; gone already counts as done."""
        try:
            looked_up(lambda: self._blob(uri).delete(**CALL))
        except NotFound:
            return

    def bucket_exists(self, uri: str) -> bool:
        """Whether the bucket of ``uri`` is there and can be listed."""
        bucket = names.bucket(uri)
        try:
            looked_up(lambda: next(self._client.list_blobs(bucket, max_results=1, **CALL).pages, None))
        except NotFound:
            return False
        except PermissionMissing as error:
            raise PermissionMissing(f"{bucket}: {error}") from error
        return True


def _view(blob: gcs.Blob) -> Blob:
    return Blob(
        uri=f"gs://{blob.bucket.name}/{blob.name}",
        generation=int(blob.generation),
        crc32c=blob.crc32c or "",
        size=int(blob.size or 0),
        encoding=blob.content_encoding or "",
        content=_repeated(blob),
    )


def repeats(content: bytes) -> bool:
    """Whether a small object's description repeats these bytes; custom metadata are sent as headers too."""
    return len(content) <= MOST_REPEATED and content.isascii() and b"\n" not in content


def _repeated(blob: gcs.Blob) -> bytes | None:
    """An object's bytes as its description repeats them, if they are the object's."""
    text = (blob.metadata or {}).get(REPEATED)
    content = text.encode() if isinstance(text, str) else None
    same = content is not None and crc32c_text(google_crc32c.value(content)) == blob.crc32c
    return content if same else None
