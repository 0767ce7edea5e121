"""What a call of Cloud Storage may say in its query and its headers; what would have no effect is refused.

A parameter that Google has and this service does not would change the answer there: it is 501 by its name.
"""

from collections.abc import Mapping

from vertex_emulator.api.storage.common import CONDITIONS, METAGENERATION, off
from vertex_emulator.wire.errors import StorageError

# They change nothing that a client notices: who is billed, the answer's layout, where bytes are stored.
_SYSTEM = frozenset(
    {"alt", "callback", "fields", "key", "prettyPrint", "projection", "quotaUser", "userIp", "userProject",
     "access_token", "uploadType", "upload_id", "$.xgafv"}
)  # fmt: skip
_OBJECT = frozenset({"generation", *CONDITIONS})
_SOURCES = frozenset(f"ifSource{condition.removeprefix('if')}" for condition in CONDITIONS)
TAKES: dict[str, frozenset[str]] = {
    "storage.batch": frozenset(),
    "storage.buckets.insert": frozenset({"project"}),
    "storage.buckets.list": frozenset({"project", "prefix", "pageToken", "maxResults"}),
    "storage.buckets.get": frozenset(METAGENERATION),
    "storage.buckets.patch": frozenset(METAGENERATION),
    "storage.buckets.update": frozenset(METAGENERATION),
    "storage.buckets.delete": frozenset(METAGENERATION),
    "storage.buckets.getIamPolicy": frozenset({"optionsRequestedPolicyVersion"}),
    "storage.buckets.setIamPolicy": frozenset(),
    "storage.buckets.testIamPermissions": frozenset({"permissions"}),
    # No bucket keeps old generations, so all versions are the live ones.
    "storage.objects.list": frozenset(
        {
            "prefix",
            "delimiter",
            "startOffset",
            "endOffset",
            "pageToken",
            "maxResults",
            "matchGlob",
            "versions",
        }
    ),
    "storage.objects.get": _OBJECT,
    "storage.objects.patch": _OBJECT,
    "storage.objects.update": _OBJECT,
    "storage.objects.delete": _OBJECT,
    "storage.objects.insert": frozenset({"name", "contentEncoding", *CONDITIONS}),
    "storage.objects.compose": frozenset(CONDITIONS),
    "storage.objects.copy": _SOURCES | {"sourceGeneration", *CONDITIONS},
    "storage.objects.move": _SOURCES | frozenset(CONDITIONS),
    # All is rewritten in one call, which is what the last two are about.
    "storage.objects.rewrite": _SOURCES
    | {"sourceGeneration", *CONDITIONS, "rewriteToken", "maxBytesRewrittenPerCall"},
}
"""Google's name of a method → its parameters beside the general ones."""
# This service has no ACLs: a parameter that opens a bucket or an object to others has no effect here.
_PRIVATE = frozenset({"private", "projectPrivate", "bucketOwnerRead", "bucketOwnerFullControl"})
_ACL_PARAMETERS = ("predefinedAcl", "predefinedDefaultObjectAcl", "destinationPredefinedAcl")

_TAKES_ETAGS = frozenset(
    {"storage.buckets.get", *(f"storage.objects.{verb}" for verb in ("get", "patch", "delete"))}
)
_ETAGS = ("if-match", "if-none-match")
_UNSERVED_HEADERS = (
    "x-goog-acl", "x-goog-copy-source-encryption-", "x-goog-custom-time", "x-goog-encryption-", "x-goog-if-",
    "x-goog-object-lock-", "x-goog-storage-class",
)  # fmt: skip


def check_arguments(google: str, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Refuse parameters and headers that a method does not take here. Raises 501."""
    takes = TAKES.get(google)
    if takes is None:
        return
    for key in sorted(query.keys() - takes - _SYSTEM):
        if not off(query[key]) and not (key in _ACL_PARAMETERS and query[key] in _PRIVATE):
            raise _unserved(f"The parameter {key} of {google}")
    for key in _ETAGS:
        if key in headers and google not in _TAKES_ETAGS:
            raise _unserved(f"The header {key} with {google}")
    check_headers(headers)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that no method of Cloud Storage takes here. Raises 501."""
    for key in headers:
        if key.startswith(_UNSERVED_HEADERS):
            raise _unserved(f"The header {key}")


def _unserved(what: str) -> StorageError:
    return StorageError(501, f"{what} is not served by the embedded Vertex AI.", "notImplemented")
