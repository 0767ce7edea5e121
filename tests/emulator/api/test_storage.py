"""Cloud Storage's JSON API in its details: names, conditions, ranges, folders, buckets."""

import base64
import os
from pathlib import Path

import google_crc32c
import httpx
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain


def test_an_object_has_googles_checksums_and_a_growing_generation(plain: Plain) -> None:
    first = plain.put("a", b"hello")
    second = plain.put("a", b"hello again")

    crc = base64.b64encode(google_crc32c.value(b"hello").to_bytes(4, "big")).decode()
    assert (first["crc32c"], first["size"]) == (crc, "5")
    assert first["md5Hash"] == "XUFAKrxLKna5cZ2REBfFkg=="
    assert int(second["generation"]) > int(first["generation"])
    assert plain.read("a").content == b"hello again"


CONDITIONS: dict[str, tuple[dict[str, str], int]] = {
    "only if absent, and it is there": ({"ifGenerationMatch": "0"}, 412),
    "only if it is this one, and it is": ({"ifGenerationMatch": "{generation}"}, 200),
    "only if it is this one, and it is another": ({"ifGenerationMatch": "12345"}, 412),
    "only if it is not this one, and it is": ({"ifGenerationNotMatch": "{generation}"}, 412),
    "only if its description has not changed": ({"ifMetagenerationMatch": "1"}, 200),
    "only if its description has changed": ({"ifMetagenerationNotMatch": "1"}, 412),
    "a condition that is no number": ({"ifGenerationMatch": "x"}, 400),
}


@pytest.mark.parametrize("reason", CONDITIONS)
def test_preconditions_decide(plain: Plain, reason: str) -> None:
    query, status = CONDITIONS[reason]
    generation = plain.put("a", b"one")["generation"]
    filled = {key: value.format(generation=generation) for key, value in query.items()}

    response = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o",
        params={"uploadType": "media", "name": "a", **filled},
        content=b"two",
    )

    assert response.status_code == status
    assert plain.read("a").content == (b"two" if status == 200 else b"one")


READS: dict[str, tuple[dict[str, str], int]] = {
    "this one, and it is": ({"ifGenerationMatch": "{generation}"}, 200),
    "this one, and it is another": ({"ifGenerationMatch": "12345"}, 412),
    "unless it is the one that is known": ({"ifGenerationNotMatch": "{generation}"}, 304),
    "unless it is another": ({"ifGenerationNotMatch": "12345"}, 200),
    "unless its description is the one that is known": ({"ifMetagenerationNotMatch": "1"}, 304),
}


@pytest.mark.parametrize("alt", ["json", "media"])
@pytest.mark.parametrize("reason", READS)
def test_a_reader_hears_that_there_is_nothing_new(plain: Plain, reason: str, alt: str) -> None:
    query, status = READS[reason]
    generation = plain.put("a", b"one")["generation"]
    filled = {key: value.format(generation=generation) for key, value in query.items()}
    response = plain.call("GET", f"storage/v1/b/{plain.bucket}/o/a", params={"alt": alt, **filled})
    assert response.status_code == status


ESCAPES = [
    "../../outside", "/etc/passwd", "a/../../b", "./a", "a//b", "..", "%2e%2e/x", "a\\..\\b", "x" * 1025,
    "a\nb", "…/ünïcode ⚙", "con/nul", "a/" + "n" * 300,
]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_no_object_name_reaches_out_of_the_data_folder(
    emulator: RunningEmulator, plain: Plain, name: str
) -> None:
    plain.put("anchor", b"")
    before = {path for path in emulator.data.parent.rglob("*") if emulator.data not in path.parents}

    response = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o",
        params={"uploadType": "media", "name": name},
        content=b"payload",
    )

    after = {path for path in emulator.data.parent.rglob("*") if emulator.data not in path.parents}
    assert after == before
    if response.is_success:
        quoted = httpx.URL("http://x", params={"n": name}).query.decode()[2:].replace("+", "%20")
        assert plain.read(quoted).content == b"payload", "a strange name is still a name"
    else:
        assert response.status_code == 400
        assert name in {"..", "x" * 1025, "a\nb"}


def test_harmless_names_can_be_looked_at_as_files_and_strange_ones_leave_no_trace_there(
    emulator: RunningEmulator, plain: Plain
) -> None:
    plain.put("folder/file.txt", b"one")
    plain.put("folder/../../file.txt", b"two")
    view = emulator.data / "buckets" / plain.bucket

    assert [str(path.relative_to(view)) for path in view.rglob("*") if path.is_file()] == ["folder/file.txt"]
    assert (view / "folder/file.txt").read_bytes() == b"one"
    assert not os.access(view / "folder/file.txt", os.W_OK) or os.geteuid() == 0
    plain.ok("DELETE", f"storage/v1/b/{plain.bucket}/o/folder%2Ffile.txt")
    assert not view.exists()


RANGES: dict[str, tuple[str, int, bytes]] = {
    "the first bytes": ("bytes=0-3", 206, b"0123"),
    "from the middle on": ("bytes=6-", 206, b"6789"),
    "the last bytes": ("bytes=-3", 206, b"789"),
    "more than there is": ("bytes=8-100", 206, b"89"),
    "beyond the end": ("bytes=10-", 416, b""),
    "no range that we know: all of it": ("lines=1-2", 200, b"0123456789"),
}


@pytest.mark.parametrize("reason", RANGES)
def test_downloads_take_ranges(plain: Plain, reason: str) -> None:
    header, status, expected = RANGES[reason]
    plain.put("a", b"0123456789")

    response = plain.read("a", range=header)

    assert response.status_code == status
    if status != 416:
        assert response.content == expected


def test_lists_roll_folders_up_and_go_on_where_they_stopped(plain: Plain) -> None:
    names = ["a", "b/1", "b/2", "b/c/3", "d", "e/4"]
    for name in names:
        plain.put(name, b"")

    def pages(size: int, **query: str) -> tuple[list[str], list[str]]:
        items: list[str] = []
        prefixes: list[str] = []
        token = ""
        while True:
            asked = {"maxResults": str(size), **query, **({"pageToken": token} if token else {})}
            answer = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params=asked)
            assert len(answer["items"]) + len(answer.get("prefixes", [])) <= size
            items += [item["name"] for item in answer["items"]]
            prefixes += answer.get("prefixes", [])
            token = answer.get("nextPageToken", "")
            if not token:
                return items, prefixes

    for size in (1, 2, 100):
        assert pages(size) == (names, [])
        assert pages(size, delimiter="/") == (["a", "d"], ["b/", "e/"])
        assert pages(size, delimiter="/", prefix="b/") == (["b/1", "b/2"], ["b/c/"])
        assert pages(size, startOffset="b/2", endOffset="e") == (["b/2", "b/c/3", "d"], [])
        assert pages(size, prefix="b") == (["b/1", "b/2", "b/c/3"], [])


BUCKETS: dict[str, tuple[object, int]] = {
    "capitals": ("Bucket", 400),
    "too short": ("ab", 400),
    "a path": ("../b", 400),
    "two dots": ("a..b", 400),
    "no name": (None, 400),
}


@pytest.mark.parametrize("reason", BUCKETS)
def test_bad_bucket_names_are_refused(plain: Plain, reason: str) -> None:
    name, status = BUCKETS[reason]

    assert plain.refused("POST", f"storage/v1/b?project={plain.project}", {"name": name})[0] == status


def test_a_bucket_with_objects_cannot_be_deleted_and_its_name_is_taken_everywhere(plain: Plain) -> None:
    plain.put("a", b"")

    assert plain.refused("DELETE", f"storage/v1/b/{plain.bucket}")[0] == 409
    assert plain.refused("POST", "storage/v1/b?project=another", {"name": plain.bucket})[0] == 409
    plain.ok("DELETE", f"storage/v1/b/{plain.bucket}/o/a")
    plain.ok("DELETE", f"storage/v1/b/{plain.bucket}")
    assert plain.refused("GET", f"storage/v1/b/{plain.bucket}/o")[0] == 404


def test_a_large_object_passes_without_being_held_in_memory(
    emulator: RunningEmulator, plain: Plain, tmp_path: Path
) -> None:
    plain.put("anchor", b"")
    size, piece = 200 * 1024 * 1024, os.urandom(1024 * 1024)
    before = resident_mb(emulator.pid)

    uploaded = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o?uploadType=media&name=big",
        content=(piece for _ in range(size // len(piece))),
    )
    with httpx.stream("GET", f"{plain.url}/storage/v1/b/{plain.bucket}/o/big?alt=media") as response:
        arrived = sum(len(part) for part in response.iter_bytes(1024 * 1024))

    assert (uploaded.json()["size"], arrived) == (str(size), size)
    assert resident_mb(emulator.pid) - before < 50
    plain.ok("DELETE", f"storage/v1/b/{plain.bucket}/o/big")


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
