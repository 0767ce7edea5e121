"""Resumable uploads to Cloud Storage: begin, chunks, status, cancel. They survive a restart of the server."""

import re
import uuid

import anyio
import msgspec
from starlette.responses import JSONResponse, Response

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage_common import (
    CONDITIONS,
    Json,
    bad,
    base,
    bucket_of,
    check_conditions,
    check_size,
    shown,
)
from vertex_emulator.api.storage_finish import finish
from vertex_emulator.settings import MAX_JSON_BYTES
from vertex_emulator.store.checksums import checksums
from vertex_emulator.store.objects import Object
from vertex_emulator.store.uploads import Upload
from vertex_emulator.wire.errors import StorageError
from vertex_emulator.wire.payload import json_object, read_bounded

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


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
    store = call.service.store
    check_conditions(store.objects.find(bucket, str(resource.get("name"))), conditions)
    upload = Upload(
        uuid.uuid4().hex, bucket, str(resource.get("name")), resource, conditions, call.service.now()
    )
    with store.database.transaction():
        store.uploads.insert(upload)
    store.blobs.incoming(upload.id).touch()
    place = f"{base(call)}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload.id}"
    return Response(status_code=200, headers={"location": place, "x-guploader-uploadid": upload.id})


async def resume(call: Call) -> Response:
    """Take the next chunk, or say how far the upload has come. Two requests at once would mix their bytes."""
    upload, uploading = _upload(call), call.service.uploading
    bucket_of(call, upload.bucket)
    if upload.done is not None:
        return JSONResponse(upload.done)
    if upload.id in uploading:
        raise StorageError(503, "Another request writes to this upload.", "backendError")
    uploading.add(upload.id)
    try:
        return await _resume(call, upload)
    finally:
        uploading.discard(upload.id)


async def _resume(call: Call, upload: Upload) -> Response:
    path = call.service.store.blobs.incoming(upload.id)
    have = path.stat().st_size if path.exists() else 0
    header = call.request.headers.get("content-range")
    start, last, total = _range(header, have)
    if start is not None:
        if start > have:
            raise StorageError(
                400, f"The chunk starts at {start}, but only {have} bytes are here.", "invalid"
            )
        have = await _append(call, upload.id, start)
        if last is not None and have != last + 1:
            raise StorageError(400, f"The chunk should end at {last}, but ended at {have - 1}.", "invalid")
        if header is None:
            total = have
    if total is None or have < total:
        headers = {"range": f"bytes=0-{have - 1}"} if have else {}
        return Response(status_code=308, headers={**headers, "x-guploader-uploadid": upload.id})
    if have > total:
        raise StorageError(400, f"{have} bytes arrived, but {total} were announced.", "invalid")
    sums = await anyio.to_thread.run_sync(checksums, path)

    def remember(kept: Object) -> None:
        done = msgspec.structs.replace(upload, done=shown(call, kept))
        call.service.store.uploads.save(done)

    return finish(call, upload.bucket, upload.resource, upload.id, sums, upload.conditions, remember)


async def cancel(call: Call) -> Response:
    """Give an upload up; Cloud Storage answers that with 499."""
    upload = _upload(call)
    store = call.service.store
    with store.database.transaction():
        store.uploads.delete(upload.id)
    store.blobs.discard(upload.id)
    return Response(status_code=499)


def _upload(call: Call) -> Upload:
    found = call.service.store.uploads.find(call.query.get("upload_id", ""))
    if found is None:
        raise StorageError(404, "There is no such upload.", "notFound")
    return found


def _range(header: str | None, have: int) -> tuple[int | None, int | None, int | None]:
    """(first byte, last byte, total) of a chunk; no header means the whole object in one go."""
    if header is None:
        return 0, None, None
    match = _RANGE.fullmatch(header)
    if match is None:
        raise bad(f"Invalid Content-Range '{header}'.")
    total = None if match[3] == "*" else int(match[3])
    if match[1] is None:
        return None, None, total if total is not None and total <= have else None
    return int(match[1]), int(match[2]), total


async def _append(call: Call, upload_id: str, start: int) -> int:
    """Write the request's bytes from `start` on, over what came before; gives the size so far."""
    path = call.service.store.blobs.incoming(upload_id)
    with path.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        async for data in call.request.stream():
            start += len(data)
            check_size(start)
            file.write(data)
    return start
