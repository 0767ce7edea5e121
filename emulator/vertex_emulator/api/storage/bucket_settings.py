"""What a request says about a bucket: what is kept, and what would have no effect here and is refused."""

from typing import Literal

import msgspec

from vertex_emulator.api.storage.common import Json, bad, off
from vertex_emulator.store.objects import Bucket
from vertex_emulator.wire.errors import StorageError

_KEPT = frozenset({"labels", "location", "storageClass", "iamConfiguration"})
# Sent back by clients that change a bucket by sending all of it.
_DESCRIBES = frozenset(
    {"acl", "defaultObjectAcl", "etag", "generation", "hardDeleteTime", "id", "kind", "locationType",
     "metageneration", "name", "owner", "projectNumber", "satisfiesPZI", "satisfiesPZS", "selfLink",
     "softDeleteTime", "timeCreated", "updated"}
)  # fmt: skip


class _UniformAccess(msgspec.Struct, frozen=True, rename="camel"):
    enabled: bool = False


class _Access(msgspec.Struct, frozen=True, rename="camel"):
    uniform_bucket_level_access: _UniformAccess | None = None
    public_access_prevention: Literal["enforced", "inherited", "unspecified"] | None = None


class _Given(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a bucket that is kept. A label that is null goes."""

    labels: dict[str, str | None] | None = None
    location: str | None = None
    storage_class: str | None = None
    iam_configuration: _Access | None = None


def settings_of(bucket: Bucket, payload: Json, *, new: bool) -> Bucket:
    """The bucket with what the request says.

    Raises:
        StorageError: 400 for what is malformed or cannot change any more, 501 for settings that would have
            an effect at Google and have none here, such as versioning.
    """
    for key in sorted(payload.keys() - _KEPT - _DESCRIBES):
        if not off(payload[key]):
            raise StorageError(501, f"{key} of a bucket is not served.", "notImplemented")
    try:
        given = msgspec.convert({key: payload[key] for key in _KEPT & payload.keys()}, _Given)
    except msgspec.ValidationError as error:
        raise bad(f"Invalid bucket: {error}") from None
    location = (given.location or bucket.location).upper()
    if not new and location != bucket.location:
        raise bad("A bucket's location cannot be changed.")
    labels = {**bucket.labels, **(given.labels or {})}
    access = given.iam_configuration or _Access()
    uniform = access.uniform_bucket_level_access
    prevention = access.public_access_prevention or bucket.public_access_prevention
    return msgspec.structs.replace(
        bucket,
        location=location,
        storage_class=given.storage_class or bucket.storage_class,
        labels={key: value for key, value in labels.items() if value is not None},
        uniform_access=bucket.uniform_access if uniform is None else uniform.enabled,
        public_access_prevention="inherited" if prevention == "unspecified" else prevention,
    )
