"""Resumable uploads to Cloud Storage: begin, chunks, status, cancel. They survive a restart of the server."""

import re
import uuid
from functools import partial
from typing import NamedTuple

import anyio
import msgspec
from starlette.responses import JSONResponse, Response

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage.commit import described
from vertex_emulator.api.storage.common import (
    CONDITIONS,
    Json,
    bad,
    base,
    begin_upload,
    bucket_of,
    check_conditions,
    check_object_name,
    check_size,
    shown,
)
from vertex_emulator.api.storage.finish import finish
from vertex_emulator.settings import MAX_JSON_BYTES
from vertex_emulator.store.checksums import checksums
from vertex_emulator.store.objects import Object
from vertex_emulator.store.uploads import Upload
from vertex_emulator.wire.errors import StorageError
from vertex_emulator.wire.payload import json_object, read_bounded

_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)
_PIECE_BYTES = 256 * 1024


class _Chunk(NamedTuple):
    """What a request brings: bytes from `start` up to and with `last` of `total` in all.

    Without `start` it only asks how far the upload has come; without `last` it brings what there is.
    """

    start: int | None
    last: int | None
    total: int | None


async def begin(call: Call, bucket: str) -> Response:
    """Begin an upload; the answer's Location is where its bytes go."""
    content = await read_bounded(call.request.stream(), MAX_JSON_BYTES)
    resource: Json = json_object(content) if content.strip() else {}
    if "name" in call.query:
        resource["name"] = call.query["name"]
    if content_type := call.request.headers.get("x-upload-content-type"):
        resource.setdefault("contentType", content_type)
    if encoding := call.query.get("contentEncoding"):
        resource["contentEncoding"] = encoding
    conditions = {key: call.query[key] for key in CONDITIONS if key in call.query}
    name, store = check_object_name(resource.get("name")), call.service.store
    described(resource)  # what it refuses is refused before any bytes are sent
    check_conditions(store.objects.find(bucket, name), conditions)
    upload = Upload(uuid.uuid4().hex, bucket, name, resource, conditions, call.service.now())
    begin_upload(call, upload)
    store.blobs.incoming(upload.id).touch()
    place = f"{base(call)}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload.id}"
    return Response(status_code=200, headers={"location": place, "x-guploader-uploadid": upload.id})


async def resume(call: Call) -> Response:
    """Take the next chunk, or say how far the upload has come. Two requests at once would mix their bytes."""
    upload, uploading = _upload(call), call.service.uploading
    bucket_of(call, upload.bucket)
    if upload.done is not None:
        return JSONResponse(upload.done)
    _check_free(call, upload)
    uploading.add(upload.id)
    try:
        return await _resume(call, upload)
    finally:
        uploading.discard(upload.id)


async def _resume(call: Call, upload: Upload) -> Response:
    path = call.service.store.blobs.incoming(upload.id)
    header = call.request.headers.get("content-range")
    chunk = _chunk(header)
    total = chunk.total
    have = _kept(path.stat().st_size if path.exists() else 0, total)
    if chunk.start is not None:
        if chunk.start > have:
            raise bad(f"The chunk starts at {chunk.start}, but only {have} bytes are here.")
        end = await _append(call, upload.id, have, chunk)
        total = end if header is None else total
        have = _kept(max(have, end), total)
    if total is None or have < total:
        headers = {"range": f"bytes=0-{have - 1}"} if have else {}
        return Response(status_code=308, headers={**headers, "x-guploader-uploadid": upload.id})
    if have > total:
        raise bad(f"{have} bytes are here, but {total} were announced.")
    sums = await anyio.to_thread.run_sync(checksums, path)

    def remember(kept: Object) -> None:
        done = msgspec.structs.replace(upload, done=shown(call, kept))
        call.service.store.uploads.save(done)

    try:
        return finish(call, upload.bucket, upload.resource, upload.id, sums, upload.conditions, remember)
    except StorageError:
        _end(call, upload)
        raise


def _kept(size: int, total: int | None) -> int:
    """What counts of the bytes that have come: whole pieces, and all of them once the object is complete.

    So what is left of a chunk that broke off is a chunk that may be sent.
    """
    return size if size == total else size - size % _PIECE_BYTES


async def cancel(call: Call) -> Response:
    """Give an upload up; Cloud Storage answers that with 499."""
    upload = _upload(call)
    _check_free(call, upload)
    _end(call, upload)
    return Response(status_code=499)


def _end(call: Call, upload: Upload) -> None:
    store = call.service.store
    with store.database.transaction():
        store.uploads.delete(upload.id)
        store.database.after_commit(partial(store.blobs.discard, upload.id))


def _check_free(call: Call, upload: Upload) -> None:
    if upload.id in call.service.uploading:
        raise StorageError(503, "Another request writes to this upload.", "backendError")


def _upload(call: Call) -> Upload:
    found = call.service.store.uploads.find(call.query.get("upload_id", ""))
    if found is None or found.parts is not None:
        raise StorageError(404, "There is no such upload.", "notFound")
    return found


def _chunk(header: str | None) -> _Chunk:
    """What a request's Content-Range says; without one it brings the whole object. Raises 400."""
    if header is None:
        return _Chunk(0, None, None)
    match = _RANGE.fullmatch(header)
    if match is None:
        raise bad(f"Invalid Content-Range '{header[:100]}'.")
    total = None if match[3] == "*" else int(match[3])
    if match[1] is None:
        return _Chunk(None, None, total)
    start, last = int(match[1]), int(match[2])
    if last < start or (total is not None and last >= total):
        raise bad(f"Invalid Content-Range '{header}'.")
    if last + 1 != total and (last + 1 - start) % _PIECE_BYTES:
        raise bad(
            "Invalid request. The number of bytes uploaded is required to be a multiple of "
            f"{_PIECE_BYTES}, except for the final request. The received request contained "
            f"{last + 1 - start} bytes, which does not meet this requirement."
        )
    return _Chunk(start, last, total)


async def _append(call: Call, upload_id: str, have: int, chunk: _Chunk) -> int:
    """Write what is new of the request's bytes and give where they end.

    What it repeats is passed over: bytes that were acknowledged stay. A refused chunk leaves nothing behind.
    """
    end = chunk.start or 0
    with call.service.store.blobs.append(upload_id) as file:
        file.truncate(have)
        try:
            async for data in call.request.stream():
                file.write(data[max(0, have - end) :])
                end += len(data)
                check_size(end)
                if chunk.last is not None and end > chunk.last + 1:
                    raise bad(f"The chunk should end at {chunk.last}, but goes on.")
            if chunk.last is not None and end != chunk.last + 1:
                raise bad(f"The chunk should end at {chunk.last}, but ended at {end - 1}.")
        except StorageError:
            file.truncate(have)
            raise
    return end
