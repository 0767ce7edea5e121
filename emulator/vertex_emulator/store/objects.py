"""Records of Cloud Storage's buckets and objects; the bytes are in `blobs`."""

from collections.abc import Iterator
from functools import partial

import msgspec

from vertex_emulator.store.blobs import Blobs
from vertex_emulator.store.database import Database


class Binding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who holds a role on a bucket, and under which condition."""

    role: str
    members: tuple[str, ...]
    condition: dict[str, str] | None = None


class Bucket(msgspec.Struct, frozen=True):
    """A bucket. `bindings` are its IAM policy; None if it was never set."""

    name: str
    project: int
    created: float
    location: str = "US"
    storage_class: str = "STANDARD"
    labels: dict[str, str] = {}
    metageneration: int = 1
    uniform_access: bool = False
    public_access_prevention: str = "inherited"
    bindings: tuple[Binding, ...] | None = None
    policy_changes: int = 0
    """How often the IAM policy was set: its etag."""


class Object(msgspec.Struct, frozen=True):
    """An object's current generation. Checksums are in base64 as Cloud Storage shows them."""

    bucket: str
    name: str
    blob: str
    generation: int
    size: int
    crc32c: str
    md5: str | None
    created: float
    updated: float
    metageneration: int = 1
    content_type: str | None = None
    content_encoding: str | None = None
    content_disposition: str | None = None
    content_language: str | None = None
    cache_control: str | None = None
    metadata: dict[str, str] = {}
    components: int | None = None


class Objects:
    """The tables of buckets and objects. Callers hold a transaction."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def bucket(self, name: str) -> Bucket | None:
        """The bucket of that name."""
        row = self._database.execute("SELECT record FROM buckets WHERE name = ?", name).fetchone()
        return msgspec.json.decode(row[0], type=Bucket) if row else None

    def put_bucket(self, bucket: Bucket) -> None:
        """Create or change a bucket."""
        self._database.execute(
            "INSERT OR REPLACE INTO buckets (name, project, record) VALUES (?, ?, ?)",
            bucket.name,
            bucket.project,
            msgspec.json.encode(bucket),
        )

    def delete_bucket(self, name: str) -> None:
        """Remove a bucket that the caller knows to be empty."""
        self._database.execute("DELETE FROM buckets WHERE name = ?", name)

    def buckets(self, project: int) -> list[Bucket]:
        """The buckets of a project by name."""
        rows = self._database.execute("SELECT record FROM buckets WHERE project = ? ORDER BY name", project)
        return [msgspec.json.decode(row[0], type=Bucket) for row in rows]

    def find(self, bucket: str, name: str) -> Object | None:
        """The object of that name."""
        row = self._database.execute(
            "SELECT record FROM objects WHERE bucket = ? AND name = ?", bucket, name
        ).fetchone()
        return msgspec.json.decode(row[0], type=Object) if row else None

    def put(self, item: Object) -> Object:
        """Create or replace an object; bytes that nothing names any more go with the transaction.

        Gives it as it is kept: a generation is always above the one that it replaces.
        """
        before = self.find(item.bucket, item.name)
        if before is not None and before.blob != item.blob:
            generation = max(item.generation, before.generation + 1)
            item = msgspec.structs.replace(item, generation=generation)
        self._database.execute(
            "INSERT OR REPLACE INTO objects (bucket, name, blob, record) VALUES (?, ?, ?, ?)",
            item.bucket,
            item.name,
            item.blob,
            msgspec.json.encode(item),
        )
        self._database.after_commit(partial(self._blobs.show, item.bucket, item.name, item.blob))
        if before is not None and before.blob != item.blob:
            self._database.after_commit(partial(self._blobs.remove, before.blob))
        return item

    def delete(self, item: Object) -> None:
        """Remove an object and its bytes."""
        self._database.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", item.bucket, item.name)
        self._database.after_commit(partial(self._blobs.hide, item.bucket, item.name))
        self._database.after_commit(partial(self._blobs.remove, item.blob))

    def scan(self, bucket: str, start: str) -> Iterator[Object]:
        """Objects of a bucket in the order of their names' bytes, from a name on."""
        rows = self._database.execute(
            "SELECT record FROM objects WHERE bucket = ? AND name >= ? ORDER BY name", bucket, start
        )
        for row in rows:
            yield msgspec.json.decode(row[0], type=Object)

    def below(self, bucket: str, folder: str) -> list[Object]:
        """Every object in a folder and in the folders in it."""
        prefix = f"{folder}/" if folder else ""
        found = []
        for item in self.scan(bucket, prefix):
            if not item.name.startswith(prefix):
                break
            found.append(item)
        return found

    def everything(self) -> Iterator[tuple[str, str, str]]:
        """(bucket, name, blob) of every object."""
        yield from self._database.execute("SELECT bucket, name, blob FROM objects")
