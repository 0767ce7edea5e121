"""The IAM policy of a bucket. It is stored and returned but not enforced, since callers have no identity."""

import re
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.api.storage.common import Json, bad, bucket_of
from vertex_emulator.store.objects import Binding, Bucket
from vertex_emulator.wire.errors import StorageError

_ROLE = re.compile(r"(?:(?:projects|organizations)/[\w.:-]+/)?roles/[\w.]+")
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers"
    r"|(?:user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer|principal|principalSet"
    r"|deleted):\S+"
)
_MAX_MEMBERS = 1500


class _Policy(msgspec.Struct, frozen=True):
    bindings: tuple[Binding, ...] = ()
    etag: str | None = None
    version: int = 1


def get_policy(call: Call) -> Json:
    """A bucket's policy; a new one is what Google gives to a new bucket."""
    return _shown(call, bucket_of(call))


def set_policy(call: Call) -> Json:
    """Replace a bucket's policy. With the etag that was read, a change in between is refused with 412."""
    bucket = bucket_of(call)
    try:
        given = msgspec.convert(call.payload or {}, _Policy)
    except msgspec.ValidationError as error:
        raise bad(f"Invalid policy: {error}") from None
    if given.etag and given.etag != _etag(bucket):
        raise StorageError(
            412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet"
        )
    _check(given, bucket)
    changed = msgspec.structs.replace(
        bucket,
        bindings=tuple(item for item in given.bindings if item.members),
        policy_changes=bucket.policy_changes + 1,
        metageneration=bucket.metageneration + 1,
    )
    call.service.store.objects.put_bucket(changed)
    return _shown(call, changed)


def _check(policy: _Policy, bucket: Bucket) -> None:
    if sum(len(item.members) for item in policy.bindings) > _MAX_MEMBERS:
        raise bad(f"A policy has at most {_MAX_MEMBERS} members.")
    if any(item.condition for item in policy.bindings) and policy.version != 3:
        raise bad("A policy with conditions needs version 3.")
    public = bucket.public_access_prevention == "enforced"
    for item in policy.bindings:
        if not _ROLE.fullmatch(item.role):
            raise bad(f"Role {item.role} is not supported for this resource.")
        for member in item.members:
            if not _MEMBER.fullmatch(member):
                raise bad(f"Invalid member: '{member}'.")
            if public and member.startswith("all"):
                raise StorageError(
                    412,
                    "The member bindings allUsers and allAuthenticatedUsers are not allowed since public "
                    "access prevention is enforced.",
                    "conditionNotMet",
                )


def test_permissions(call: Call) -> Json:
    """The permissions of the caller: all of them, because policies are not enforced."""
    bucket_of(call)
    asked = QueryParams(call.request.url.query).getlist("permissions")
    for permission in asked:
        if not permission.startswith("storage."):
            raise bad(f"Invalid permission '{permission}'.")
    return {"kind": "storage#testIamPermissionsResponse", "permissions": asked}


def _etag(bucket: Bucket) -> str:
    return f"CA{bucket.policy_changes}="


def _shown(call: Call, bucket: Bucket) -> Json:
    bindings = bucket.bindings
    if bindings is None:
        project = call.service.store.projects.get(str(bucket.project)).id
        bindings = (
            Binding(
                "roles/storage.legacyBucketOwner", (f"projectEditor:{project}", f"projectOwner:{project}")
            ),
            Binding("roles/storage.legacyBucketReader", (f"projectViewer:{project}",)),
        )
    conditional = any(item.condition for item in bindings)
    return {
        "kind": "storage#policy",
        "resourceId": f"projects/_/buckets/{bucket.name}",
        "version": 3 if conditional else 1,
        "etag": _etag(bucket),
        "bindings": [_binding(item) for item in bindings],
    }


def _binding(item: Binding) -> dict[str, Any]:
    condition = {"condition": item.condition} if item.condition else {}
    return {"role": item.role, "members": list(item.members), **condition}


_SERVICE = "storage.buckets"
_IAM = "/storage/v1/b/{bucket}/iam"
ROUTES: tuple[Route, ...] = (
    books("GET", _IAM, f"{_SERVICE}.getIamPolicy", get_policy),
    books("PUT", _IAM, f"{_SERVICE}.setIamPolicy", set_policy),
    books("GET", f"{_IAM}/testPermissions", f"{_SERVICE}.testIamPermissions", test_permissions),
)
