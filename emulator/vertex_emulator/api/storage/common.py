"""What the handlers of Cloud Storage share: lookups, preconditions, how resources are shown."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from vertex_emulator.api.routing import Call
from vertex_emulator.settings import MAX_OBJECT_BYTES, MAX_UPLOADS
from vertex_emulator.store.objects import Bucket, Object
from vertex_emulator.store.projects import STORAGE_API, Project
from vertex_emulator.store.uploads import Upload
from vertex_emulator.wire.errors import StorageError
from vertex_emulator.wire.times import rfc3339

Json = dict[str, Any]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
_MAX_NAME_BYTES = 1024
_MAX_PAGE = 1000
METAGENERATION = ("ifMetagenerationMatch", "ifMetagenerationNotMatch")
CONDITIONS = ("ifGenerationMatch", "ifGenerationNotMatch", *METAGENERATION)


def bad(message: str) -> StorageError:
    """A malformed request."""
    return StorageError(400, message, "invalid")


def require_storage(project: Project) -> None:
    """Refuse work in a project where Cloud Storage is disabled or billing is off."""
    if STORAGE_API not in project.settings.services:
        raise StorageError(
            403, f"Cloud Storage has not been enabled in project {project.number}.", "accessNotConfigured"
        )
    if not project.settings.billing_enabled:
        raise StorageError(403, "The billing account for the owning project is disabled.", "accountDisabled")


def bucket_of(call: Call, name: str | None = None) -> Bucket:
    """The bucket that a call is about. Raises 404, and 403 when its project cannot use Cloud Storage."""
    name = call.params["bucket"] if name is None else name
    bucket = call.service.store.objects.bucket(name)
    if bucket is None:
        raise StorageError(404, "The specified bucket does not exist.", "notFound")
    require_storage(call.service.store.projects.get(str(bucket.project)))
    return bucket


def object_of(call: Call, bucket: str, name: str, conditions: Mapping[str, str]) -> Object:
    """The object, current and if the conditions hold. Raises 404, 412, and 304 to readers."""
    found = call.service.store.objects.find(bucket, name)
    generation = conditions.get("generation")
    if found is None or (generation and number(generation, "generation") != found.generation):
        raise StorageError(404, f"No such object: {bucket}/{name}", "notFound")
    check_conditions(found, conditions, reads=_reads(call))
    check_etags(call, etag(found.generation, found.metageneration))
    return found


def begin_upload(call: Call, upload: Upload) -> None:
    """Enter an upload. Raises 429 when too many are under way."""
    store = call.service.store
    with store.database.transaction():
        store.begin_upload(upload)
        if store.uploads.under_way() > MAX_UPLOADS:
            raise StorageError(
                429,
                f"More than {MAX_UPLOADS} uploads are under way; end or cancel some.",
                "rateLimitExceeded",
            )


def etag(generation: int, metageneration: int) -> str:
    """An object's tag, as `shown` gives it."""
    return f"{generation}/{metageneration}"


def check_etags(call: Call, actual: str) -> None:
    """Preconditions by tag, in headers. Raises 412, and 304 when a reader has already what it asks for."""
    match, none_match = (_tags(call.request.headers.get(name)) for name in ("if-match", "if-none-match"))
    if match and not match & {actual, "*"}:
        raise _unmet()
    if none_match & {actual, "*"}:
        raise _not_modified() if _reads(call) else _unmet()


def _reads(call: Call) -> bool:
    return call.request.method == "GET"


def _tags(header: str | None) -> set[str]:
    return {tag.strip().removeprefix("W/").strip('"') for tag in (header or "").split(",")} - {""}


def check_conditions(found: Object | None, conditions: Mapping[str, str], *, reads: bool = False) -> None:
    """Preconditions as Cloud Storage has them; generation 0 stands for "no such object".

    Raises 412, and 304 when one who reads has already what there is.
    """
    _check(conditions, "ifGeneration", found.generation if found else 0, reads=reads)
    check_metageneration(found.metageneration if found else 0, conditions, reads=reads)


def check_metageneration(actual: int, conditions: Mapping[str, str], *, reads: bool = False) -> None:
    """Preconditions on how often a description was changed. Raises 412 and 304 as above."""
    _check(conditions, "ifMetageneration", actual, reads=reads)


def check_write_rate(call: Call, before: Object | None) -> None:
    """Cloud Storage takes one write of the same object a second. Raises 429."""
    if before is None:
        return
    if 0 <= call.service.now() - before.updated < call.service.settings.speed.write_s:
        raise StorageError(
            429,
            f"The object {before.bucket}/{before.name} exceeded the rate limit for object mutation "
            "operations (create, update, and delete). Please reduce your request rate. "
            "See https://cloud.google.com/storage/docs/gcs429.",
            "rateLimitExceeded",
        )


def _check(conditions: Mapping[str, str], name: str, actual: int, *, reads: bool) -> None:
    def asked(suffix: str) -> int | None:
        value = conditions.get(f"{name}{suffix}")
        return None if value is None else number(value, f"{name}{suffix}")

    if asked("Match") not in (None, actual):
        raise _unmet()
    if asked("NotMatch") == actual:
        raise _not_modified() if reads else _unmet()


def _not_modified() -> StorageError:
    return StorageError(304, "", "notModified")


def _unmet() -> StorageError:
    return StorageError(
        412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet"
    )


def off(value: Any) -> bool:
    """Whether a setting is no more than a way to say "off": empty, false, or nothing but that."""
    if isinstance(value, dict):
        return all(off(item) for item in value.values())
    if isinstance(value, list):
        return all(off(item) for item in value)
    return value in (None, False, 0, "0", "", "false")


def number(value: str, name: str) -> int:
    """A whole number out of a query. Raises 400."""
    if not _NUMBER.fullmatch(value):
        raise bad(f"Invalid value for {name}: '{value[:100]}'.")
    return int(value)


def page_size(query: Mapping[str, str]) -> int:
    """How many items a page of a list has. Raises 400."""
    size = number(query.get("maxResults") or str(_MAX_PAGE), "maxResults")
    if size < 1:
        raise bad(f"Invalid value for maxResults: {size}.")
    return min(size, _MAX_PAGE)


def check_bucket_name(name: object) -> str:
    """A bucket's name. Raises 400."""
    if not isinstance(name, str) or not _BUCKET.fullmatch(name) or ".." in name:
        raise bad(f"Invalid bucket name: '{name}'")
    return name


def check_object_name(name: object) -> str:
    """An object's name: up to 1024 bytes of UTF-8 without line breaks, and not '.' or '..'. Raises 400."""
    if not isinstance(name, str) or not name:
        raise StorageError(400, "Required", "required")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise bad("The object's name is not UTF-8.") from None
    if size > _MAX_NAME_BYTES or any(sign in name for sign in "\r\n\0") or name in {".", ".."}:
        raise bad(f"Invalid object name: '{name[:100]}'")
    return name


def check_size(size: int) -> None:
    """Refuse an object that is larger than this server takes. Raises 413."""
    if size > MAX_OBJECT_BYTES:
        raise StorageError(413, "The object is too large for this emulator.", "uploadTooLarge")


def shown_bucket(call: Call, bucket: Bucket) -> Json:
    """A bucket as the JSON API shows it."""
    stamp = rfc3339(bucket.created)
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{base(call)}/storage/v1/b/{bucket.name}",
        "projectNumber": str(bucket.project),
        "generation": str(int(bucket.created * 1_000_000)),
        "metageneration": str(bucket.metageneration),
        "location": bucket.location,
        "locationType": "multi-region" if bucket.location in {"US", "EU", "ASIA"} else "region",
        "storageClass": bucket.storage_class,
        "etag": f"CA{bucket.metageneration}=",
        "timeCreated": stamp,
        "updated": stamp,
        "iamConfiguration": {
            "bucketPolicyOnly": {"enabled": bucket.uniform_access},
            "uniformBucketLevelAccess": {"enabled": bucket.uniform_access},
            "publicAccessPrevention": bucket.public_access_prevention,
        },
        **({"labels": bucket.labels} if bucket.labels else {}),
    }


def shown(call: Call, item: Object) -> Json:
    """An object as the JSON API shows it."""
    path = f"b/{item.bucket}/o/{quote(item.name, safe='')}"
    optional = {
        "contentType": item.content_type,
        "contentEncoding": item.content_encoding,
        "contentDisposition": item.content_disposition,
        "contentLanguage": item.content_language,
        "cacheControl": item.cache_control,
        "md5Hash": item.md5,
        "metadata": item.metadata or None,
        "componentCount": item.components,
    }
    return {
        "kind": "storage#object",
        "id": f"{item.bucket}/{item.name}/{item.generation}",
        "name": item.name,
        "bucket": item.bucket,
        "generation": str(item.generation),
        "metageneration": str(item.metageneration),
        "size": str(item.size),
        "crc32c": item.crc32c,
        "etag": etag(item.generation, item.metageneration),
        "storageClass": "STANDARD",
        "timeCreated": rfc3339(item.created),
        "updated": rfc3339(item.updated),
        "timeStorageClassUpdated": rfc3339(item.created),
        "selfLink": f"{base(call)}/storage/v1/{path}",
        "mediaLink": f"{base(call)}/download/storage/v1/{path}?generation={item.generation}&alt=media",
        **{key: value for key, value in optional.items() if value is not None},
    }


def base(call: Call) -> str:
    """The address under which the client reached this server."""
    return f"http://{call.request.headers.get('host', '127.0.0.1')}"
