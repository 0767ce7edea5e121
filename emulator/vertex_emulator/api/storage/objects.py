"""Objects of Cloud Storage: get, list, change, delete, download."""

import msgspec
from starlette.responses import Response

from vertex_emulator.api.routing import Call, Route, books, streams
from vertex_emulator.api.storage.commit import described, undescribed
from vertex_emulator.api.storage.common import Json, bucket_of, check_write_rate, object_of, shown
from vertex_emulator.api.storage.download import download
from vertex_emulator.api.storage.listing import list_
from vertex_emulator.store.objects import Object


def get(call: Call) -> Json:
    """An object's description."""
    return shown(call, _named(call))


def patch(call: Call) -> Json:
    """Change what the request names of an object's description; a metadata key that is null goes."""
    return _change(call, _named(call))


def update(call: Call) -> Json:
    """Change an object's description to what the request says: what it does not name goes."""
    return _change(call, undescribed(_named(call)))


def _named(call: Call) -> Object:
    return object_of(call, bucket_of(call).name, call.params["object"], call.query)


def _change(call: Call, item: Object) -> Json:
    check_write_rate(call, item)
    payload = dict(call.payload or {})
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
    call.service.store.objects.delete(_named(call))


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
    books("PUT", _ONE, f"{_SERVICE}.update", update),
    books("DELETE", _ONE, f"{_SERVICE}.delete", delete),
)
