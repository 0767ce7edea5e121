"""New objects: what a request says about them, and the step that makes them exist."""

import re
from collections.abc import Callable

import msgspec

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage.common import (
    Json,
    bad,
    bucket_of,
    check_conditions,
    check_write_rate,
    off,
)
from vertex_emulator.store.objects import Object
from vertex_emulator.wire.errors import StorageError

_TEXT_FIELDS = {
    "contentType": "content_type",
    "contentEncoding": "content_encoding",
    "contentDisposition": "content_disposition",
    "contentLanguage": "content_language",
    "cacheControl": "cache_control",
}
# They come back as headers of a download: a line end would begin another header.
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_CLASS = "STANDARD"
# Clients send these when they replace an object's metadata, or before its bytes.
_DESCRIBES = frozenset(
    {"bucket", "componentCount", "crc32c", "etag", "generation", "id", "kind", "md5Hash", "mediaLink",
     "metadata", "metageneration", "name", "selfLink", "size", "timeCreated", "timeStorageClassUpdated",
     "updated"}
)  # fmt: skip


def described(resource: Json) -> dict[str, object]:
    """The descriptive fields of an object out of a request.

    Raises 400, and 501 for settings that would have an effect at Google and have none here, such as holds.
    """
    for key in sorted(resource.keys() - _DESCRIBES - _TEXT_FIELDS.keys()):
        if not off(resource[key]) and (key, resource[key]) != ("storageClass", _CLASS):
            raise StorageError(501, f"{key} of an object is not served.", "notImplemented")
    found: dict[str, object] = {}
    for key, field in _TEXT_FIELDS.items():
        value = resource.get(key)
        if value is not None and not isinstance(value, str):
            raise bad(f"{key} must be a string.")
        if value is not None and not _HEADER_VALUE.fullmatch(value):
            raise bad(f"{key} must fit into an HTTP header.")
        if key in resource:
            found[field] = value
    if "metadata" in resource:
        try:
            found["metadata"] = msgspec.convert(resource["metadata"] or {}, dict[str, str])
        except msgspec.ValidationError:
            raise bad("metadata must be an object of strings.") from None
    return found


def undescribed(item: Object) -> Object:
    """The object without metadata."""
    return msgspec.structs.replace(item, metadata={}, **dict.fromkeys(_TEXT_FIELDS.values()))


def commit(
    call: Call,
    item: Object,
    conditions: dict[str, str],
    with_it: Callable[[Object], None] = lambda _: None,
) -> Object:
    """Enter an object whose blob is complete, if the conditions hold; `with_it` is done along with it.

    Gives the object as it is kept. Raises 404, 412 and 429, and the bytes are gone then.
    """
    store = call.service.store
    try:
        with store.database.transaction():
            bucket_of(call, item.bucket)
            before = store.objects.find(item.bucket, item.name)
            check_conditions(before, conditions)
            check_write_rate(call, before)
            kept = store.objects.put(item)
            with_it(kept)
    except StorageError:
        store.blobs.remove(item.blob)
        raise
    return kept


def new_generation(call: Call) -> int:
    """A number that grows with time, as Cloud Storage's generations do."""
    return int(call.service.now() * 1_000_000)
