"""The cache: an unchanged file is not opened again, and nothing that changed is ever served from it."""

import os
import time
from pathlib import Path

import pytest

from tests.unit.dataset.examples import GOOD_CHAT, GOOD_PAIR, jsonl, written
from vertex_tuning.dataset import FindingKind, Inspection, cache, inspect, inspect_cached

ONE, TWO = jsonl(GOOD_PAIR), jsonl(GOOD_PAIR, GOOD_PAIR)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def examples(inspection: Inspection) -> int:
    assert inspection.dataset is not None
    return inspection.dataset.examples


def replace_unseen(path: Path, content: bytes) -> None:
    """Write other bytes of the same length, and put every field back that the cache looks at."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_hit_does_not_read_the_file(tmp_path: Path, folder: Path) -> None:
    """Content that was replaced behind the metadata's back can only go unseen if nobody looks at it."""
    path = written(tmp_path / "train.jsonl", ONE)
    first = inspect_cached(path, folder)
    replace_unseen(path, b"x" * len(ONE))
    assert inspect_cached(path, folder) == first
    assert inspect(path).has_errors


def test_bad_inspections_are_kept_too(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", b"x" * len(ONE))
    first = inspect_cached(path, folder)
    assert first.has_errors
    replace_unseen(path, ONE)
    assert inspect_cached(path, folder) == first


def test_other_size_is_read_again(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", ONE)
    inspect_cached(path, folder)
    then = path.stat().st_mtime_ns
    path.write_bytes(TWO)
    os.utime(path, ns=(then, then))
    assert examples(inspect_cached(path, folder)) == 2


def test_other_time_is_read_again(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", ONE)
    inspect_cached(path, folder)
    written(path, b"x" * len(ONE), age_s=1800)
    assert inspect_cached(path, folder).has_errors


def test_other_inode_is_read_again(tmp_path: Path, folder: Path) -> None:
    """Editors and downloads write a new file and rename it over the old one; tools may restore its time."""
    path = written(tmp_path / "train.jsonl", ONE)
    inspect_cached(path, folder)
    then = path.stat().st_mtime_ns
    other = written(tmp_path / "new", b"x" * len(ONE))
    os.utime(other, ns=(then, then))
    other.replace(path)
    assert inspect_cached(path, folder).has_errors


def test_other_schema_is_read_again(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that finds more must not serve what an earlier one found."""
    path = written(tmp_path / "train.jsonl", ONE)
    inspect_cached(path, folder)
    replace_unseen(path, b"x" * len(ONE))
    (entry,) = folder.iterdir()
    entry.write_bytes(entry.read_bytes().replace(b'"schema":%d' % cache.SCHEMA, b'"schema":0'))
    assert inspect_cached(path, folder).has_errors


def test_a_young_file_is_not_trusted(tmp_path: Path, folder: Path) -> None:
    """It may be written again within the same tick of the file system's clock."""
    path = written(tmp_path / "train.jsonl", ONE, age_s=0)
    inspect_cached(path, folder)
    replace_unseen(path, b"x" * len(ONE))
    assert inspect_cached(path, folder).has_errors


def test_a_time_in_the_future_is_not_trusted(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", ONE, age_s=-3600)
    inspect_cached(path, folder)
    replace_unseen(path, b"x" * len(ONE))
    assert inspect_cached(path, folder).has_errors


def test_a_renamed_file_keeps_its_fingerprint(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", ONE)
    before = inspect_cached(path, folder).dataset
    after = inspect_cached(path.rename(tmp_path / "renamed.jsonl"), folder).dataset
    assert before is not None
    assert after is not None
    assert (before.sha256, before.crc32c) == (after.sha256, after.crc32c)
    assert after.path.endswith("renamed.jsonl")


def test_the_path_is_as_the_caller_writes_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the way in which the first caller wrote it would show up as a change in the second one's stack."""
    written(tmp_path / "train.jsonl", ONE)
    inspect_cached(tmp_path / "train.jsonl", folder)
    monkeypatch.chdir(tmp_path)
    relative = inspect_cached(Path("train.jsonl"), folder).dataset
    assert relative is not None
    assert relative.path == "train.jsonl"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null", b'{"stamp": {}}', b"[" * 100_000])
def test_a_corrupt_entry_is_as_good_as_none(content: bytes, tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", ONE)
    inspect_cached(path, folder)
    (entry,) = folder.iterdir()
    entry.write_bytes(content)
    assert examples(inspect_cached(path, folder)) == 1
    assert entry.read_bytes() != content  # and it has been mended


def test_an_entry_that_contradicts_itself_is_as_good_as_none(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path / "train.jsonl", ONE)
    inspect_cached(path, folder)
    (entry,) = folder.iterdir()
    entry.write_bytes(entry.read_bytes().replace(b'"findings_total":0', b'"findings_total":7'))
    assert inspect_cached(path, folder).findings_total == 0


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Root may write anywhere, so the folder is put where a file stands."""
    blocked = tmp_path / "file" / "cache"
    blocked.parent.write_bytes(b"")
    path = written(tmp_path / "train.jsonl", ONE)
    assert examples(inspect_cached(path, blocked)) == 1
    assert blocked.parent.read_bytes() == b""


def test_entries_are_small_and_nothing_else_is_left(tmp_path: Path, folder: Path) -> None:
    for age in (3600, 1800):
        inspect_cached(written(tmp_path / "train.jsonl", ONE, age_s=age), folder)
    (entry,) = folder.iterdir()
    assert entry.suffix == ".json"
    assert entry.stat().st_size < 1000


def test_what_is_about_the_moment_is_not_kept(tmp_path: Path, folder: Path) -> None:
    assert inspect_cached(tmp_path / "missing", folder).counts == {FindingKind.MISSING: 1}
    (tmp_path / "data").mkdir()
    then = time.time() - 3600
    os.utime(tmp_path / "data", (then, then))
    assert inspect_cached(tmp_path / "data", folder).counts == {FindingKind.NOT_A_FILE: 1}
    assert not folder.exists()


def test_the_folder_is_the_user_s_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(GOOD_CHAT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    inspect_cached(path)
    assert len(list((tmp_path / "xdg/pulumi-vertex-tuning/datasets").iterdir())) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the XDG specification
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    inspect_cached(path)
    assert len(list((tmp_path / "home/.cache/pulumi-vertex-tuning/datasets").iterdir())) == 1
