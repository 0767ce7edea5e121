"""Buckets of Cloud Storage."""

import msgspec

from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.api.storage.bucket_settings import settings_of
from vertex_emulator.api.storage.common import (
    Json,
    bucket_of,
    check_bucket_name,
    check_etags,
    check_metageneration,
    page_size,
    require_storage,
    shown_bucket,
)
from vertex_emulator.store.objects import Bucket
from vertex_emulator.wire.errors import StorageError


def create(call: Call) -> Json:
    """Create a bucket; names are global, so one that exists anywhere is refused."""
    project = call.service.store.projects.get(call.query.get("project", ""))
    require_storage(project)
    payload = call.payload or {}
    name = check_bucket_name(payload.get("name"))
    if call.service.store.objects.bucket(name) is not None:
        raise StorageError(409, "Your previous request to create the named bucket succeeded.", "conflict")
    bucket = settings_of(Bucket(name, project.number, call.service.now()), payload, new=True)
    call.service.store.objects.put_bucket(bucket)
    return shown_bucket(call, bucket)


def get(call: Call) -> Json:
    """One bucket."""
    bucket = bucket_of(call)
    check_metageneration(bucket.metageneration, call.query, reads=True)
    shown = shown_bucket(call, bucket)
    check_etags(call, shown["etag"])
    return shown


def list_(call: Call) -> Json:
    """The buckets of a project by name."""
    project = call.service.store.projects.get(call.query.get("project", ""))
    require_storage(project)
    prefix, after = call.query.get("prefix", ""), call.query.get("pageToken", "")
    size = page_size(call.query)
    found = [
        bucket for bucket in call.service.store.objects.buckets(project.number)
        if bucket.name.startswith(prefix) and bucket.name > after
    ]  # fmt: skip
    answer: Json = {"kind": "storage#buckets", "items": [shown_bucket(call, item) for item in found[:size]]}
    if len(found) > size:
        answer["nextPageToken"] = found[size - 1].name
    return answer


def patch(call: Call) -> Json:
    """Change a bucket's labels, storage class and access; what is not named stays as it is."""
    return _change(call, bucket_of(call))


def update(call: Call) -> Json:
    """Change a bucket to what the request says: labels that it does not name go."""
    return _change(call, msgspec.structs.replace(bucket_of(call), labels={}))


def _change(call: Call, bucket: Bucket) -> Json:
    check_metageneration(bucket.metageneration, call.query)
    changed = settings_of(bucket, call.payload or {}, new=False)
    changed = msgspec.structs.replace(changed, metageneration=bucket.metageneration + 1)
    call.service.store.objects.put_bucket(changed)
    return shown_bucket(call, changed)


def delete(call: Call) -> None:
    """Delete an empty bucket."""
    bucket = bucket_of(call)
    check_metageneration(bucket.metageneration, call.query)
    if next(call.service.store.objects.scan(bucket.name, ""), None) is not None:
        raise StorageError(409, "The bucket you tried to delete is not empty.", "conflict")
    call.service.store.objects.delete_bucket(bucket.name)


_SERVICE = "storage.buckets"
_ALL = "/storage/v1/b"
_ONE = f"{_ALL}/{{bucket}}"
ROUTES: tuple[Route, ...] = (
    books("POST", _ALL, f"{_SERVICE}.insert", create),
    books("GET", _ALL, f"{_SERVICE}.list", list_),
    books("GET", _ONE, f"{_SERVICE}.get", get),
    books("PATCH", _ONE, f"{_SERVICE}.patch", patch),
    books("PUT", _ONE, f"{_SERVICE}.update", update),
    books("DELETE", _ONE, f"{_SERVICE}.delete", delete),
)
