"""The SQLite database: schema and transactions."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "vertex.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS projects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    settings BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS resources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    created REAL NOT NULL,
    due REAL,
    body BLOB NOT NULL,
    private BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (kind, parent, seq);
CREATE INDEX IF NOT EXISTS resources_by_due ON resources (kind, due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS operations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    due REAL,
    record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_by_due ON operations (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS reservations (
    name TEXT PRIMARY KEY,
    operation TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY,
    project INTEGER NOT NULL,
    record BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL,
    name TEXT NOT NULL COLLATE BINARY,
    blob TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS uploads_under_way ON uploads (id)
    WHERE json_extract(CAST(record AS TEXT), '$.done') IS NULL;
"""


class Database:
    """One connection, used by the thread that opened it and no other (SQLite enforces this)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL syncs at checkpoints only: what was answered survives a killed process, not a power cut.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self._after_commit: list[Callable[[], None]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another transaction it can fail alone, and counts when that one commits."""
        inner = self._connection.in_transaction
        self._connection.execute("SAVEPOINT inner" if inner else "BEGIN IMMEDIATE")
        promised = len(self._after_commit)
        try:
            yield
            self._connection.execute("RELEASE inner" if inner else "COMMIT")
        except BaseException:
            del self._after_commit[promised:]
            # After a disk error SQLite may have rolled back by itself, all of it.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO inner" if inner else "ROLLBACK")
                if inner:
                    self._connection.execute("RELEASE inner")
            raise
        if not inner:
            effects, self._after_commit = self._after_commit, []
            for effect in effects:
                effect()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Run after the current transaction has committed, such as removing a file.

        A process that is killed in between leaves a file too many, never one too few.
        """
        self._after_commit.append(effect)

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, parameters)

    def close(self) -> None:
        """Close the connection; the last one folds the write-ahead log into the database."""
        self._connection.close()
