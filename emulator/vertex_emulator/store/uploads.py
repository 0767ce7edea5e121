"""Uploads that are not complete yet: resumable ones, and those that come in parts."""

from typing import Any

import msgspec

from vertex_emulator.store.database import Database

Json = dict[str, Any]
_EXPIRES_S = 7 * 24 * 3600.0


class Part(msgspec.Struct, frozen=True):
    """A part that has arrived: its incoming file and what lies in it."""

    file: str
    size: int
    etag: str


class Upload(msgspec.Struct, frozen=True):
    """An upload: where it goes, and under which conditions it may."""

    id: str
    bucket: str
    name: str
    resource: Json
    conditions: dict[str, str]
    created: float
    done: Json | None = None
    """The object as it was answered, once it is complete: a client that lost the answer asks again."""
    parts: dict[int, Part] | None = None
    """By number, for an upload that comes in parts."""

    @property
    def files(self) -> set[str]:
        """The incoming files that belong to it."""
        if self.done is not None:
            return set()
        return {self.id} if self.parts is None else {part.file for part in self.parts.values()}


class Uploads:
    """The table of uploads. Callers hold a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, upload: Upload) -> None:
        """Begin an upload."""
        self._database.execute(
            "INSERT INTO uploads (id, created, record) VALUES (?, ?, ?)",
            upload.id,
            upload.created,
            msgspec.json.encode(upload),
        )

    def find(self, upload_id: str) -> Upload | None:
        """The upload of that id."""
        row = self._database.execute("SELECT record FROM uploads WHERE id = ?", upload_id).fetchone()
        return msgspec.json.decode(row[0], type=Upload) if row else None

    def save(self, upload: Upload) -> None:
        """Write back a changed upload."""
        self._database.execute(
            "UPDATE uploads SET record = ? WHERE id = ?", msgspec.json.encode(upload), upload.id
        )

    def delete(self, upload_id: str) -> None:
        """End an upload."""
        self._database.execute("DELETE FROM uploads WHERE id = ?", upload_id)

    def expire(self, now: float) -> set[str]:
        """Forget uploads that are older than a week, as Google does; gives the incoming files they leave."""
        rows = self._database.execute(
            "DELETE FROM uploads WHERE created < ? RETURNING record", now - _EXPIRES_S
        ).fetchall()
        return {file for row in rows for file in msgspec.json.decode(row[0], type=Upload).files}

    def under_way(self) -> int:
        """How many uploads are not complete."""
        asked = "SELECT count(*) FROM uploads WHERE json_extract(CAST(record AS TEXT), '$.done') IS NULL"
        found: int = self._database.execute(asked).fetchone()[0]
        return found

    def live(self) -> set[str]:
        """The incoming files of unfinished uploads."""
        rows = self._database.execute("SELECT record FROM uploads")
        return {file for row in rows for file in msgspec.json.decode(row[0], type=Upload).files}
