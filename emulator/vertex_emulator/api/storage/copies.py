"""Objects of Cloud Storage made out of others: copy, rewrite, compose."""

from collections.abc import Iterable
from dataclasses import replace
from typing import BinaryIO

import anyio
import msgspec
from starlette.responses import Response

from vertex_emulator.api.routing import Call, Route, books, streams
from vertex_emulator.api.storage.commit import commit, described, new_generation
from vertex_emulator.api.storage.common import (
    CONDITIONS,
    Json,
    bad,
    bucket_of,
    check_object_name,
    object_of,
    shown,
)
from vertex_emulator.store.blobs import Blobs
from vertex_emulator.store.checksums import CHUNK, Checksums, Running
from vertex_emulator.store.objects import Object

_MAX_COMPONENTS = 32


def _rewrite(call: Call) -> Json:
    """Copy an object; the copy is a link to the same bytes and is done at once."""
    source_bucket = bucket_of(call, call.params["bucket"])
    conditions = {
        key[0].lower() + key[1:].replace("Source", "", 1): value
        for key, value in call.query.items()
        if "Source" in key or key == "sourceGeneration"
    }
    conditions["generation"] = call.query.get("sourceGeneration", "")
    source = object_of(call, source_bucket.name, call.params["object"], conditions)
    target = check_object_name(call.params["target"])
    now, store = call.service.now(), call.service.store
    item = msgspec.structs.replace(
        source,
        **described(call.payload or {}),
        bucket=call.params["target_bucket"],
        name=target,
        blob=store.blobs.adopt(store.blobs.path(source.blob)),
        generation=new_generation(call),
        metageneration=1,
        created=now,
        updated=now,
    )
    conditions = {key: call.query[key] for key in CONDITIONS if key in call.query}
    return shown(call, commit(call, item, conditions))


def copy(call: Call) -> Json:
    """objects.copy: answers with the new object."""
    return _rewrite(call)


def rewrite(call: Call) -> Json:
    """objects.rewrite: always done in one call."""
    resource = _rewrite(call)
    sizes = {"totalBytesRewritten": resource["size"], "objectSize": resource["size"]}
    return {"kind": "storage#rewriteResponse", "done": True, "resource": resource, **sizes}


def move(call: Call) -> Json:
    """objects.move: the object under another name in the same bucket, in one step."""
    source = object_of(call, bucket_of(call).name, call.params["object"], {})
    inner = replace(call, params={**call.params, "target_bucket": call.params["bucket"]})
    if source.name == check_object_name(call.params["target"]):
        raise bad("An object cannot be moved to its own name.")
    moved = _rewrite(inner)
    call.service.store.objects.delete(source)
    return moved


async def compose(call: Call) -> Response:
    """Join up to 32 objects of a bucket into one."""
    bucket, payload = bucket_of(call), call.payload or {}
    name = check_object_name(call.params["object"])
    sources = payload.get("sourceObjects")
    if not isinstance(sources, list) or not 1 <= len(sources) <= _MAX_COMPONENTS:
        raise bad(f"sourceObjects must name 1 to {_MAX_COMPONENTS} objects.")
    parts = []
    for source in sources:
        if not isinstance(source, dict):
            raise bad("sourceObjects must be objects with a name.")
        conditions = {**(source.get("objectPreconditions") or {}), "generation": source.get("generation")}
        given = {key: str(value) for key, value in conditions.items() if value is not None}
        parts.append(object_of(call, bucket.name, check_object_name(source.get("name")), given))
    store = call.service.store
    # Opened before the first await: what is deleted meanwhile can still be read to its end.
    files = [store.blobs.path(part.blob).open("rb") for part in parts]
    upload, sums = await joined(store.blobs, files)
    now = call.service.now()
    item = Object(
        bucket=bucket.name,
        name=name,
        blob=store.blobs.keep(upload),
        generation=new_generation(call),
        size=sums.size,
        crc32c=sums.crc32c,
        md5=None,  # composite objects have none
        created=now,
        updated=now,
        components=sum(part.components or 1 for part in parts),
        **described(payload.get("destination") or {}),  # type: ignore[arg-type]
    )
    kept = commit(call, item, {key: call.query[key] for key in CONDITIONS if key in call.query})
    return Response(msgspec.json.encode(shown(call, kept)), media_type="application/json")


async def joined(blobs: Blobs, files: Iterable[BinaryIO]) -> tuple[str, Checksums]:
    """Write the files one behind the other, and close them all; gives the upload's id and the checksums."""
    upload, target = blobs.create()
    try:
        return upload, await anyio.to_thread.run_sync(_join, files, target)
    except BaseException:
        blobs.discard(upload)
        raise


def _join(files: Iterable[BinaryIO], target: BinaryIO) -> Checksums:
    sums = Running()
    with target:
        for file in files:
            with file:
                while data := file.read(CHUNK):
                    sums.update(data)
                    target.write(data)
    return sums.result()


_SERVICE = "storage.objects"
_ONE = "/storage/v1/b/{bucket=*}/o/{object=*}"
_TARGET = "b/{target_bucket=*}/o/{target=*}"
ROUTES: tuple[Route, ...] = (
    books("POST", f"{_ONE}/rewriteTo/{_TARGET}", f"{_SERVICE}.rewrite", rewrite),
    books("POST", f"{_ONE}/moveTo/o/{{target=*}}", f"{_SERVICE}.move", move),
    books("POST", f"{_ONE}/copyTo/{_TARGET}", f"{_SERVICE}.copy", copy),
    streams("POST", f"{_ONE}/compose", f"{_SERVICE}.compose", compose, body=True),
)
