"""Vertex resources (tuning jobs, models, endpoints) in JSON form, by name."""

from enum import StrEnum
from typing import Any

import msgspec

from vertex_emulator.store.database import Database
from vertex_emulator.wire.errors import not_found

Json = dict[str, Any]


class Kind(StrEnum):
    """What a stored resource is."""

    TUNING_JOB = "tuningJobs"
    MODEL_VERSION = "models"
    ENDPOINT = "endpoints"
    QUOTA_PREFERENCE = "quotaPreferences"


class Record(msgspec.Struct):
    """A resource: `body` is what Google shows (v1beta1 JSON), `private` what only the emulator knows.

    `due` is when the runner may take the next step with it, in seconds since the epoch; None when settled.
    """

    seq: int
    name: str
    kind: Kind
    parent: str
    created: float
    body: Json
    private: Json
    due: float | None = None


class Resources:
    """The table of resources. Callers hold a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(
        self,
        kind: Kind,
        parent: str,
        name: str,
        body: Json,
        *,
        now: float,
        private: Json | None = None,
        due: float | None = None,
    ) -> Record:
        """Add a resource; the caller has made sure that the name is free."""
        cursor = self._database.execute(
            "INSERT INTO resources (name, kind, parent, created, body, private, due) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            name,
            kind.value,
            parent,
            now,
            msgspec.json.encode(body),
            msgspec.json.encode(private or {}),
            due,
        )
        return Record(cursor.lastrowid or 0, name, kind, parent, now, body, private or {}, due)

    def find(self, name: str) -> Record | None:
        """The resource of that name, or None."""
        row = self._database.execute(f"{_SELECT} WHERE name = ?", name).fetchone()
        return _record(row) if row else None

    def get(self, name: str) -> Record:
        """The resource of that name. Raises ApiError NOT_FOUND."""
        record = self.find(name)
        if record is None:
            raise not_found(name)
        return record

    def save(self, record: Record) -> None:
        """Write back a changed resource."""
        self._database.execute(
            "UPDATE resources SET body = ?, private = ?, due = ? WHERE name = ?",
            msgspec.json.encode(record.body),
            msgspec.json.encode(record.private),
            record.due,
            record.name,
        )

    def delete(self, name: str) -> None:
        """Remove a resource."""
        self._database.execute("DELETE FROM resources WHERE name = ?", name)

    def children(self, kind: Kind, parent: str) -> list[Record]:
        """Everything of a kind in one parent, newest first."""
        rows = self._database.execute(
            f"{_SELECT} WHERE kind = ? AND parent = ? ORDER BY seq DESC", kind.value, parent
        )
        return [_record(row) for row in rows]

    def of_project(self, kind: Kind, project: int) -> list[Record]:
        """Everything of a kind in all locations of a project, newest first."""
        rows = self._database.execute(
            f"{_SELECT} WHERE kind = ? AND parent >= ? AND parent < ? ORDER BY seq DESC",
            kind.value,
            f"projects/{project}/",
            f"projects/{project}0",
        )
        return [_record(row) for row in rows]

    def tuning_job(self, job_id: str) -> Record | None:
        """The tuning job of that id in whichever project and location. `job_id` is all digits."""
        row = self._database.execute(
            f"{_SELECT} WHERE kind = ? AND name LIKE ?", Kind.TUNING_JOB.value, f"%/tuningJobs/{job_id}"
        ).fetchone()
        return _record(row) if row else None

    def unsettled(self, kind: Kind) -> list[Record]:
        """What the runner still has to move on, oldest first."""
        rows = self._database.execute(
            f"{_SELECT} WHERE kind = ? AND due IS NOT NULL ORDER BY seq", kind.value
        )
        return [_record(row) for row in rows]


_SELECT = "SELECT seq, name, kind, parent, created, body, private, due FROM resources"


def _record(row: tuple[Any, ...]) -> Record:
    seq, name, kind, parent, created, body, private, due = row
    return Record(
        seq, name, Kind(kind), parent, created, msgspec.json.decode(body), msgspec.json.decode(private), due
    )
