"""The bytes of Cloud Storage objects."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from starlette.responses import Response, StreamingResponse

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage.common import bucket_of, object_of
from vertex_emulator.store.checksums import CHUNK
from vertex_emulator.wire.errors import StorageError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_MAX_DIGITS = 18


async def download(call: Call) -> Response:
    """The bytes of an object, or a range of them."""
    bucket = bucket_of(call)
    item = object_of(call, bucket.name, call.params["object"], call.query)
    start, end = 0, item.size
    headers = {
        "x-goog-hash": f"crc32c={item.crc32c}" + (f",md5={item.md5}" if item.md5 else ""),
        "x-goog-generation": str(item.generation),
        "x-goog-metageneration": str(item.metageneration),
        "x-goog-stored-content-length": str(item.size),
        "x-goog-stored-content-encoding": item.content_encoding or "identity",
        "etag": f'"{item.generation}/{item.metageneration}"',
        "accept-ranges": "bytes",
    }
    status = 200
    wanted = _RANGE.fullmatch(call.request.headers.get("range", ""))
    if wanted and (wanted[1] or wanted[2]):
        if wanted[1]:
            start = _place(wanted[1])
            end = min(_place(wanted[2]) + 1, item.size) if wanted[2] else item.size
        else:
            start = max(item.size - _place(wanted[2]), 0)
        if start >= item.size or start >= end:
            error = StorageError(
                416, "The requested range cannot be satisfied.", "requestedRangeNotSatisfiable"
            )
            return Response(msgspec.json.encode(error.body()), 416, {"content-range": f"bytes */{item.size}"})
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{item.size}"
    headers["content-length"] = str(end - start)
    if item.content_encoding:
        headers["content-encoding"] = item.content_encoding
    # Opened before the first await: a delete or a new generation does not disturb this download.
    file = call.service.store.blobs.path(item.blob).open("rb")
    return StreamingResponse(
        _pieces(file, start, end - start),
        status,
        headers,
        media_type=item.content_type or "application/octet-stream",
    )


def _place(digits: str) -> int:
    """A place in an object; one with more digits than any object has bytes is somewhere behind them all."""
    return int(digits[:_MAX_DIGITS])


def _pieces(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while length > 0:
            data = file.read(min(CHUNK, length))
            if not data:
                return
            length -= len(data)
            yield data
