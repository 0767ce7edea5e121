"""Uploads in parts through Cloud Storage's XML API: begin, parts side by side, complete, give up.

A part that was answered survives a restart of the server. Of the XML API nothing else is served.
"""

import base64
import uuid
from collections.abc import Awaitable, Callable

import msgspec
from starlette.responses import Response

from vertex_emulator.api.routing import Call, Route, streams
from vertex_emulator.api.storage.arguments import check_headers
from vertex_emulator.api.storage.commit import commit, described, new_generation
from vertex_emulator.api.storage.common import (
    Json,
    begin_upload,
    bucket_of,
    check_object_name,
    check_size,
    number,
)
from vertex_emulator.api.storage.copies import joined
from vertex_emulator.api.storage.finish import check_sums
from vertex_emulator.api.storage.uploads import receive
from vertex_emulator.settings import MAX_JSON_BYTES
from vertex_emulator.store.objects import Object
from vertex_emulator.store.uploads import Part, Upload
from vertex_emulator.wire import xml
from vertex_emulator.wire.errors import ApiError, StorageError
from vertex_emulator.wire.payload import read_bounded

MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * 1024 * 1024
_HEADERS = {
    "content-type": "contentType",
    "content-encoding": "contentEncoding",
    "content-disposition": "contentDisposition",
    "content-language": "contentLanguage",
    "cache-control": "cacheControl",
}
_META = "x-goog-meta-"


async def _begin(call: Call) -> Response:
    bucket, name = bucket_of(call).name, check_object_name(call.params["object"])
    headers = call.request.headers
    resource: Json = {field: headers[key] for key, field in _HEADERS.items() if key in headers}
    metadata = {key.removeprefix(_META): value for key, value in headers.items() if key.startswith(_META)}
    if metadata:
        resource["metadata"] = metadata
    upload = Upload(uuid.uuid4().hex, bucket, name, resource, {}, call.service.now(), parts={})
    begin_upload(call, upload)
    values = {"Bucket": bucket, "Key": name, "UploadId": upload.id}
    return xml.document("InitiateMultipartUploadResult", values)


async def _part(call: Call) -> Response:
    place = number(call.query.get("partNumber", ""), "partNumber")
    if not 1 <= place <= MAX_PARTS:
        raise StorageError(400, f"Part numbers go from 1 to {MAX_PARTS}, got {place}.", "InvalidArgument")
    _upload(call)
    blobs = call.service.store.blobs
    file, sums = await receive(call, call.request.stream())
    digest = base64.b64decode(sums.md5).hex()
    try:
        said = {"md5Hash": call.request.headers.get("content-md5")}
        check_sums(sums, said, call.request.headers.get("x-goog-hash", ""))
        with call.service.store.database.transaction():
            upload, parts = _upload(call)  # another request may have ended it while the bytes came in
            replaced = parts.get(place)
            arrived = {**parts, place: Part(file, sums.size, digest)}
            check_size(sum(part.size for part in arrived.values()))
            call.service.store.uploads.save(msgspec.structs.replace(upload, parts=arrived))
    except StorageError as error:
        blobs.discard(file)
        if error.reason == "invalid":
            raise StorageError(400, error.message, "BadDigest") from None
        raise
    if replaced is not None:
        blobs.discard(replaced.file)
    return Response(headers={"etag": f'"{digest}"', "x-goog-hash": f"crc32c={sums.crc32c},md5={sums.md5}"})


async def _complete(call: Call) -> Response:
    wanted = xml.parts_wanted(await read_bounded(call.request.stream(), MAX_JSON_BYTES))
    upload, parts = _upload(call)
    chosen = _chosen(parts, wanted)
    call.service.uploading.add(upload.id)
    try:
        kept = await _join(call, upload, chosen)
    finally:
        call.service.uploading.discard(upload.id)
    for part in parts.values():
        call.service.store.blobs.discard(part.file)
    values = {"Bucket": kept.bucket, "Key": kept.name, "ETag": f'"{kept.crc32c}-{len(chosen)}"'}
    headers = {"x-goog-hash": f"crc32c={kept.crc32c}", "x-goog-generation": str(kept.generation)}
    return xml.document("CompleteMultipartUploadResult", values, headers)


async def _join(call: Call, upload: Upload, parts: list[Part]) -> Object:
    """Make the object. Until it is there the upload stays: a server that is killed here has lost nothing."""
    store = call.service.store
    # One after the other: an upload may have more parts than a process may have files open.
    files = (store.blobs.incoming(part.file).open("rb") for part in parts)
    whole, sums = await joined(store.blobs, files)
    now = call.service.now()
    item = Object(
        bucket=upload.bucket,
        name=upload.name,
        blob=store.blobs.keep(whole),
        generation=new_generation(call),
        size=sums.size,
        crc32c=sums.crc32c,
        md5=None,  # objects out of parts have none
        created=now,
        updated=now,
        **described(upload.resource),  # type: ignore[arg-type]
    )
    return commit(call, item, {}, lambda _: store.uploads.delete(upload.id))


def _chosen(parts: dict[int, Part], wanted: list[tuple[int, str]]) -> list[Part]:
    """The parts that a request names, in the order of their numbers. Raises 400."""
    numbers = [place for place, _ in wanted]
    if not wanted:
        raise xml.malformed("it names no parts")
    if numbers != sorted(set(numbers)):
        raise StorageError(400, "The parts are not in the order of their numbers.", "InvalidPartOrder")
    for place, tag in wanted:
        if place not in parts or parts[place].etag != tag:
            raise StorageError(400, f"Part {place} is not here, or is another one.", "InvalidPart")
    for place in numbers[:-1]:
        if parts[place].size < MIN_PART_BYTES:
            raise StorageError(
                400,
                f"Part {place} has {parts[place].size} bytes, too few for any but the last.",
                "EntityTooSmall",
            )
    return [parts[place] for place in numbers]


async def _give_up(call: Call) -> Response:
    store = call.service.store
    with store.database.transaction():
        upload, parts = _upload(call)
        store.uploads.delete(upload.id)
    for part in parts.values():
        store.blobs.discard(part.file)
    return Response(status_code=204)


def _upload(call: Call) -> tuple[Upload, dict[int, Part]]:
    """The upload in parts that a call names, to the object that it names. Raises 404 and 503."""
    bucket_of(call)
    found = call.service.store.uploads.find(call.query.get("uploadId", ""))
    place = (call.params["bucket"], call.params["object"])
    if found is None or found.parts is None or (found.bucket, found.name) != place:
        raise StorageError(404, "There is no such upload.", "NoSuchUpload")
    if found.id in call.service.uploading:
        raise StorageError(503, "This upload is just being completed.", "ServiceUnavailable")
    return found, found.parts


async def _unserved(call: Call) -> Response:
    raise StorageError(
        501,
        f"{call.request.method} of an object through Cloud Storage's XML API is not served by the embedded "
        "Vertex AI: use the JSON API.",
        "NotImplemented",
    )


_Handler = Callable[[Call], Awaitable[Response]]


def _in_xml(**by_query: _Handler) -> _Handler:
    """A handler that picks another by a parameter of the query, and that words refusals in XML."""

    async def handle(call: Call) -> Response:
        chosen = next((handler for key, handler in by_query.items() if key in call.query), _unserved)
        try:
            check_headers(call.request.headers)
            return await chosen(call)
        except StorageError as error:
            # Reasons of the JSON API begin with a small letter, codes of the XML API with a capital.
            return xml.error(error.http, error.reason if error.reason[:1].isupper() else None, error.message)
        except ApiError as error:
            return xml.error(error.http, None, error.message)

    return handle


_OBJECT = "/{bucket=bucket}/{object=**}"
_NAME = "storage.xml.multipartUploads"
NOT_SERVED = "storage.xml"
ROUTES: tuple[Route, ...] = (
    streams("POST", _OBJECT, _NAME, _in_xml(uploads=_begin, uploadId=_complete)),
    streams("PUT", _OBJECT, _NAME, _in_xml(uploadId=_part)),
    streams("DELETE", _OBJECT, _NAME, _in_xml(uploadId=_give_up)),
    streams("GET", _OBJECT, NOT_SERVED, _in_xml()),
)
