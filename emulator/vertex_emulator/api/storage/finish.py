"""The last step of every upload: checksums, conditions, the new object."""

from collections.abc import Callable
from functools import partial

import msgspec
from starlette.responses import Response

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage.commit import commit, described, new_generation
from vertex_emulator.api.storage.common import Json, check_object_name, shown
from vertex_emulator.store.checksums import Checksums
from vertex_emulator.store.objects import Object
from vertex_emulator.wire.errors import StorageError


def check_sums(sums: Checksums, resource: Json, hash_header: str) -> None:
    """Compare what arrived with what the sender says it sent. Raises 400."""
    actual = {"crc32c": sums.crc32c, "md5": sums.md5}
    said = [("crc32c", resource.get("crc32c")), ("md5", resource.get("md5Hash"))]
    said += [(name, value) for name, _, value in (p.strip().partition("=") for p in hash_header.split(","))]
    # The description's checksum may be the caller's and the header's the client's: both have to be right.
    for name, value in said:
        if value and value != actual.get(name, value):
            raise StorageError(
                400, f"Provided {name} '{value}' doesn't match calculated '{actual[name]}'.", "invalid"
            )


def finish(
    call: Call,
    bucket: str,
    resource: Json,
    upload: str,
    sums: Checksums,
    conditions: dict[str, str],
    with_it: Callable[[Object], None] = lambda _: None,
) -> Response:
    """Turn the complete bytes of an upload into an object and answer with it.

    `with_it` is done in the transaction that makes the object exist. Until that has come to stay the incoming
    file stays too: a server that is killed here has lost nothing. Raises StorageError, and leaves it to the
    caller what becomes of the upload.
    """
    store, now = call.service.store, call.service.now()
    check_sums(sums, resource, call.request.headers.get("x-goog-hash", ""))
    name = check_object_name(resource.get("name"))
    fields = described(resource)

    def finished(kept: Object) -> None:
        with_it(kept)
        store.database.after_commit(partial(store.blobs.discard, upload))

    item = Object(
        bucket=bucket,
        name=name,
        blob=store.blobs.adopt(store.blobs.incoming(upload)),
        generation=new_generation(call),
        size=sums.size,
        crc32c=sums.crc32c,
        md5=sums.md5,
        created=now,
        updated=now,
        **fields,  # type: ignore[arg-type]
    )
    kept = commit(call, item, conditions, finished)
    return Response(msgspec.json.encode(shown(call, kept)), media_type="application/json")
