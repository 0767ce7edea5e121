"""What a transaction promises for after its end happens when it has come to stay, and never otherwise."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain
from vertex_emulator.store.database import Database


class Refused(Exception):
    pass


def test_what_fails_alone_takes_its_promises_with_it(tmp_path: Path) -> None:
    database, done = Database(tmp_path / "db"), []

    with database.transaction():
        database.after_commit(lambda: done.append("outer"))
        with suppress(Refused), database.transaction():
            database.after_commit(lambda: done.append("inner"))
            raise Refused
        with database.transaction():
            database.after_commit(lambda: done.append("second inner"))

    assert done == ["outer", "second inner"]


def test_a_commit_that_fails_ends_its_transaction_and_its_promises(tmp_path: Path) -> None:
    database, done = Database(tmp_path / "db"), []
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("CREATE TABLE one (id INTEGER PRIMARY KEY)")
    database.execute("CREATE TABLE two (one INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED)")

    def refused_by_the_commit() -> None:
        with database.transaction():
            database.after_commit(lambda: done.append("never"))
            database.execute("INSERT INTO two (one) VALUES (1)")

    with pytest.raises(sqlite3.IntegrityError):
        refused_by_the_commit()
    with database.transaction():
        database.execute("INSERT INTO one (id) VALUES (1)")
    assert done == []
    other = sqlite3.connect(tmp_path / "db")
    assert other.execute("SELECT (SELECT COUNT(*) FROM one), (SELECT COUNT(*) FROM two)").fetchone() == (1, 0)
    other.close()
    database.close()


@contextmanager
def no_space(emulator: RunningEmulator) -> Iterator[None]:
    """The server's files cannot grow or be written."""
    limits = resource.prlimit(emulator.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(emulator.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(emulator.pid, resource.RLIMIT_FSIZE, limits)


def test_a_disk_error_takes_no_bytes_of_what_lives_on_and_nothing_that_is_answered_later(
    tmp_path: Path,
) -> None:
    emulator = start_emulator(tmp_path / "data", "--speed", "instant")
    plain = Plain(emulator.url, "p")
    for name in ("kept", "deleted"):
        plain.put(name, name.encode())
    objects = f"storage/v1/b/{plain.bucket}/o"

    with no_space(emulator):
        assert plain.call("DELETE", f"{objects}/kept").status_code == 500
    plain.call("DELETE", f"{objects}/deleted")
    assert plain.call("GET", f"{objects}/kept?alt=media").content == b"kept"
    emulator.kill()

    again = start_emulator(tmp_path / "data", "--speed", "instant")
    try:
        after = Plain(again.url, "p")
        assert after.call("GET", f"{objects}/kept?alt=media").content == b"kept"
        assert after.call("GET", f"{objects}/deleted").status_code == 404
    finally:
        again.stop()
