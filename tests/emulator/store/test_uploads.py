"""Uploads that nobody ends go after a week, with their bytes, though the server is never started again."""

from pathlib import Path

from vertex_emulator.store.store import Store
from vertex_emulator.store.uploads import Part, Upload

DAY = 24 * 3600.0


def test_old_uploads_go_when_others_begin(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parts = {1: Part("part", 1, "etag")}
    store.begin_upload(Upload("whole", "b", "n", {}, {}, 0.0))
    store.begin_upload(Upload("in-parts", "b", "n", {}, {}, 0.0, parts=parts))
    store.begin_upload(Upload("young", "b", "n", {}, {}, 5 * DAY))
    for file in ("whole", "part", "young"):
        store.blobs.append(file).close()

    store.begin_upload(Upload("last", "b", "n", {}, {}, 8 * DAY))

    assert [store.uploads.find(name) is not None for name in ("whole", "in-parts", "young", "last")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "incoming").iterdir()] == ["young"]
    store.close()


def test_what_is_complete_is_not_under_way(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.begin_upload(Upload("begun", "b", "n", {}, {}, 0.0))
    store.begin_upload(Upload("in-parts", "b", "n", {}, {}, 0.0, parts={}))
    store.begin_upload(Upload("complete", "b", "n", {}, {}, 0.0, done={"name": "n"}))
    assert store.uploads.under_way() == 2
    store.close()
