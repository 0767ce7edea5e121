"""Long-running operations and the names that they hold until they are done."""

from typing import Any

import msgspec

from vertex_emulator.store.database import Database
from vertex_emulator.wire.errors import exists, not_found
from vertex_emulator.wire.proto import Version

Json = dict[str, Any]


class OperationFault(msgspec.Struct, frozen=True):
    """An operation that is to end in an error after `after_steps` of its steps have had their effect."""

    code: int
    message: str
    after_steps: int = 0


class Operation(msgspec.Struct):
    """One operation: which step comes next, and what was answered in the end."""

    name: str
    method: str
    version: Version
    payload: Json
    created: float
    updated: float
    step: int = 0
    due: float | None = None
    response: Json | None = None
    error: Json | None = None
    fault: OperationFault | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.response is not None or self.error is not None


class Operations:
    """The table of operations. Callers hold a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, operation: Operation) -> None:
        """Add an operation."""
        self._database.execute(
            "INSERT INTO operations (name, due, record) VALUES (?, ?, ?)",
            operation.name,
            operation.due,
            msgspec.json.encode(operation),
        )

    def save(self, operation: Operation) -> None:
        """Store a changed operation; when done it releases its names."""
        if operation.done:
            operation.due = None
            self._database.execute("DELETE FROM reservations WHERE operation = ?", operation.name)
        self._database.execute(
            "UPDATE operations SET due = ?, record = ? WHERE name = ?",
            operation.due,
            msgspec.json.encode(operation),
            operation.name,
        )

    def get(self, name: str) -> Operation:
        """The operation of that name. Raises ApiError NOT_FOUND."""
        row = self._database.execute("SELECT record FROM operations WHERE name = ?", name).fetchone()
        if row is None:
            raise not_found(name)
        return msgspec.json.decode(row[0], type=Operation)

    def delete(self, name: str) -> None:
        """Forget an operation."""
        self._database.execute("DELETE FROM operations WHERE name = ?", name)

    def below(self, parent: str, before: int, most: int) -> list[tuple[int, Operation]]:
        """Operations of a resource or location and of everything in it, newest first.

        With each comes its number, by which a list goes on: only lower ones than `before` are given.
        """
        rows = self._database.execute(
            "SELECT seq, record FROM operations WHERE name >= ? AND name < ? AND seq < ? "
            "ORDER BY seq DESC LIMIT ?",
            f"{parent}/",
            f"{parent}0",
            before,
            most,
        )
        return [(row[0], msgspec.json.decode(row[1], type=Operation)) for row in rows]

    def due(self, now: float) -> list[Operation]:
        """The operations whose next step is due, in the order in which they came."""
        rows = self._database.execute(
            "SELECT record FROM operations WHERE due IS NOT NULL AND due <= ? ORDER BY due, seq", now
        )
        return [msgspec.json.decode(row[0], type=Operation) for row in rows]

    def next_due(self) -> float | None:
        """When the next step is due, if any operation runs."""
        row = self._database.execute("SELECT MIN(due) FROM operations WHERE due IS NOT NULL").fetchone()
        due: float | None = row[0]
        return due

    def reserve(self, name: str, operation: str) -> None:
        """Hold a resource's name until the operation is done. Raises ApiError ALREADY_EXISTS."""
        taken = self._database.execute("SELECT 1 FROM reservations WHERE name = ?", name).fetchone()
        if taken:
            raise exists(name)
        self._database.execute("INSERT INTO reservations (name, operation) VALUES (?, ?)", name, operation)
