"""Uploads to Cloud Storage that come in one request: `uploadType=media` and `uploadType=multipart`."""

from collections.abc import AsyncIterator

from starlette.responses import Response

from vertex_emulator.api.routing import Call, Route, streams
from vertex_emulator.api.storage import resumable
from vertex_emulator.api.storage.common import (
    CONDITIONS,
    Json,
    bad,
    bucket_of,
    check_conditions,
    check_object_name,
    check_size,
)
from vertex_emulator.api.storage.finish import finish
from vertex_emulator.store.checksums import Checksums, Running
from vertex_emulator.wire.errors import StorageError
from vertex_emulator.wire.multipart import RelatedBody


async def upload(call: Call) -> Response:
    """Take an object in, in whichever of the three ways the client prefers."""
    bucket = bucket_of(call).name
    kind = call.query.get("uploadType")
    if kind == "resumable" and "upload_id" in call.query:
        return await resumable.resume(call)  # some clients send chunks by POST (apitools, gcsfs)
    if kind == "resumable":
        return await resumable.begin(call, bucket)
    stream: AsyncIterator[bytes] = call.request.stream()
    content_type = call.request.headers.get("content-type")
    if kind == "multipart":
        body = RelatedBody(content_type or "", stream)
        resource, part_type = await body.head()
        stream, content_type = body.content(), part_type
    elif kind == "media":
        resource = {}
    else:
        raise bad(f"Unknown uploadType '{kind}'.")
    resource = named(call, resource, content_type)
    name = check_object_name(resource.get("name"))
    conditions = {key: call.query[key] for key in CONDITIONS if key in call.query}
    # Refused before the bytes are taken in; `finish` looks again when they are all here.
    check_conditions(call.service.store.objects.find(bucket, name), conditions)
    upload_id, sums = await receive(call, stream)
    try:
        return finish(call, bucket, resource, upload_id, sums, conditions)
    except StorageError:
        call.service.store.blobs.discard(upload_id)
        raise


def named(call: Call, resource: Json, content_type: str | None) -> Json:
    """The description of an object, with what the query and the headers say about it."""
    found = dict(resource)
    if "name" in call.query:
        found["name"] = call.query["name"]
    if content_type:
        found.setdefault("contentType", content_type)
    if encoding := call.query.get("contentEncoding"):
        found["contentEncoding"] = encoding
    return found


async def receive(call: Call, stream: AsyncIterator[bytes]) -> tuple[str, Checksums]:
    """Write a stream to the disk as it comes; gives the upload's id and the checksums."""
    blobs = call.service.store.blobs
    upload_id, file = blobs.create()
    sums = Running()
    try:
        with file:
            async for data in stream:
                sums.update(data)
                check_size(sums.size)
                file.write(data)
    except BaseException:
        blobs.discard(upload_id)
        raise
    return upload_id, sums.result()


ROUTES: tuple[Route, ...] = (
    streams("POST", "/upload/storage/v1/b/{bucket}/o", "storage.objects.insert", upload),
    streams("PUT", "/upload/storage/v1/b/{bucket}/o", "storage.objects.insert", resumable.resume),
    streams("DELETE", "/upload/storage/v1/b/{bucket}/o", "storage.objects.insert", resumable.cancel),
)
