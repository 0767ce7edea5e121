"""Objects of Cloud Storage: get, list, change, delete, download."""

import msgspec
from starlette.responses import Response

from vertex_emulator.api.routing import Call, Route, books, streams
from vertex_emulator.api.storage_commit import described
from vertex_emulator.api.storage_common import Json, bucket_of, object_of, shown
from vertex_emulator.api.storage_download import download
from vertex_emulator.api.storage_listing import list_


def get(call: Call) -> Json:
    """An object's description."""
    bucket = bucket_of(call)
    return shown(call, object_of(call, bucket.name, call.params["object"], call.query))


def patch(call: Call) -> Json:
    """Change an object's description; a metadata key that is null goes."""
    bucket, payload = bucket_of(call), dict(call.payload or {})
    item = object_of(call, bucket.name, call.params["object"], call.query)
    if isinstance(payload.get("metadata"), dict):
        merged = {**item.metadata, **payload["metadata"]}
        payload["metadata"] = {key: value for key, value in merged.items() if value is not None}
    changed = msgspec.structs.replace(
        item,
        **described(payload),
        metageneration=item.metageneration + 1,
        updated=call.service.now(),
    )
    call.service.store.objects.put(changed)
    return shown(call, changed)


def delete(call: Call) -> None:
    """Delete an object."""
    bucket = bucket_of(call)
    item = object_of(call, bucket.name, call.params["object"], call.query)
    call.service.store.objects.delete(item)


async def get_or_download(call: Call) -> Response:
    """`alt=media` asks for the bytes, anything else for the description."""
    if call.query.get("alt") == "media":
        return await download(call)
    return Response(msgspec.json.encode(get(call)), media_type="application/json")


_SERVICE = "storage.objects"
_ALL = "/storage/v1/b/{bucket=*}/o"
_ONE = f"{_ALL}/{{object=*}}"
ROUTES: tuple[Route, ...] = (
    books("GET", _ALL, f"{_SERVICE}.list", list_),
    streams("GET", _ONE, f"{_SERVICE}.get", get_or_download),
    streams("GET", f"/download{_ONE}", f"{_SERVICE}.get", download),
    books("PATCH", _ONE, f"{_SERVICE}.patch", patch),
    books("PUT", _ONE, f"{_SERVICE}.update", patch),
    books("DELETE", _ONE, f"{_SERVICE}.delete", delete),
)
