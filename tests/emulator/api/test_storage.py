"""Cloud Storage's JSON API in its details: names, conditions, ranges, resumable uploads, folders."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import httpx
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain


def read(plain: Plain, name: str, **headers: str) -> httpx.Response:
    path = f"storage/v1/b/{plain.bucket}/o/{name}"
    return plain.call("GET", path, params={"alt": "media"}, headers=headers)


def test_an_object_has_googles_checksums_and_a_growing_generation(plain: Plain) -> None:
    first = plain.put("a", b"hello")
    second = plain.put("a", b"hello again")

    crc = base64.b64encode(google_crc32c.value(b"hello").to_bytes(4, "big")).decode()
    assert (first["crc32c"], first["size"]) == (crc, "5")
    assert first["md5Hash"] == "XUFAKrxLKna5cZ2REBfFkg=="
    assert int(second["generation"]) > int(first["generation"])
    assert read(plain, "a").content == b"hello again"


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
    assert read(plain, "a").content == (b"two" if status == 200 else b"one")


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
        assert read(plain, quoted).content == b"payload", "a strange name is still a name"
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

    response = read(plain, "a", range=header)

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


def begin(plain: Plain, name: str, **query: str) -> str:
    plain.put("anchor", b"")
    response = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o",
        {"name": name},
        params={"uploadType": "resumable", **query},
    )
    place = response.headers["location"]
    assert place.startswith(plain.url)
    return str(place)


def test_a_resumable_upload_says_how_far_it_is_and_answers_again_when_the_answer_got_lost(
    plain: Plain,
) -> None:
    place, data = begin(plain, "big"), os.urandom(600_000)
    half = 262_144

    first = httpx.put(place, content=data[:half], headers={"content-range": f"bytes 0-{half - 1}/*"})
    asked = httpx.put(place, headers={"content-range": "bytes */*"})
    rest = {"content-range": f"bytes {half}-{len(data) - 1}/{len(data)}"}
    last = httpx.put(place, content=data[half:], headers=rest)
    again = httpx.put(place, headers={"content-range": f"bytes */{len(data)}"})

    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{half - 1}")
    assert (asked.status_code, asked.headers["range"]) == (308, f"bytes=0-{half - 1}")
    assert (last.status_code, last.json()["size"]) == (200, str(len(data)))
    assert again.json() == last.json()
    assert read(plain, "big").content == data


def test_a_resumable_upload_keeps_its_condition_to_the_end(plain: Plain) -> None:
    place = begin(plain, "claim", ifGenerationMatch="0")
    plain.put("claim", b"somebody was faster")

    late = httpx.put(place, content=b"mine")
    again = httpx.put(place, content=b"mine")

    assert (late.status_code, again.status_code) == (412, 404), "what is refused at its end is over"
    assert read(plain, "claim").content == b"somebody was faster"


PIECE = 256 * 1024
BROKEN_UPLOADS: dict[str, tuple[dict[str, str], bytes]] = {
    "a gap": ({"content-range": "bytes 5-9/10"}, b"56789"),
    "fewer bytes than it says": ({"content-range": "bytes 0-9/10"}, b"01234"),
    "more bytes than it says": ({"content-range": "bytes 0-9/10"}, b"0123456789x"),
    "a range that is none": ({"content-range": "0-9"}, b"0123456789"),
    "a range that ends before it begins": ({"content-range": "bytes 9-0/10"}, b"0123456789"),
    "a range that goes beyond the whole": ({"content-range": "bytes 0-9/5"}, b"0123456789"),
    "a range that no disk holds": ({"content-range": f"bytes 0-{'9' * 5000}/*"}, b"0123456789"),
    "a chunk that is too small and not the last": ({"content-range": "bytes 0-9/20"}, b"0123456789"),
    "a chunk that is no multiple of 256 KiB and not the last": (
        {"content-range": f"bytes 0-{PIECE}/{3 * PIECE}"},
        b"0" * (PIECE + 1),
    ),
    "such a chunk of who knows how many": ({"content-range": f"bytes 0-{PIECE}/*"}, b"0" * (PIECE + 1)),
}


@pytest.mark.parametrize("reason", BROKEN_UPLOADS)
def test_a_broken_chunk_leaves_the_upload_as_it_was(plain: Plain, reason: str) -> None:
    headers, content = BROKEN_UPLOADS[reason]
    place = begin(plain, "x")

    assert httpx.put(place, content=content, headers=headers).status_code == 400
    assert plain.call("GET", f"storage/v1/b/{plain.bucket}/o/x").status_code == 404
    asked = httpx.put(place, headers={"content-range": "bytes */*"})
    assert (asked.status_code, asked.headers.get("range")) == (308, None)
    assert httpx.put(place, content=b"mended").json()["size"] == "6"


def test_an_upload_whose_checksum_does_not_fit_is_over(emulator: RunningEmulator, plain: Plain) -> None:
    place = begin(plain, "x")
    headers = {"x-goog-hash": "crc32c=AAAAAA=="}

    answers = [httpx.put(place, content=b"0123456789", headers=headers).status_code for _ in range(2)]

    assert answers == [400, 404]
    assert plain.call("GET", f"storage/v1/b/{plain.bucket}/o/x").status_code == 404
    assert not (emulator.data / "incoming" / place.rpartition("=")[2]).exists()


def test_bytes_that_were_acknowledged_stay_when_a_chunk_repeats_them(plain: Plain) -> None:
    """Cloud Storage passes over what it has; a client that breaks off in a repetition has lost nothing."""
    size, place = 262_144, begin(plain, "x")
    httpx.put(place, content=b"a" * size, headers={"content-range": f"bytes 0-{size - 1}/*"})

    def broken() -> Iterator[bytes]:
        yield b"a"
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        httpx.put(place, content=broken(), headers={"content-range": f"bytes 0-{size}/{size + 1}"})
    asked = httpx.put(place, headers={"content-range": "bytes */*"})
    last = httpx.put(
        place, content=b"b" * size + b"z", headers={"content-range": f"bytes 0-{size}/{size + 1}"}
    )

    assert asked.headers["range"] == f"bytes=0-{size - 1}"
    assert last.json()["size"] == str(size + 1)
    assert read(plain, "x").content == b"a" * size + b"z"


def test_of_a_chunk_that_breaks_off_whole_pieces_are_kept(plain: Plain) -> None:
    """Cloud Storage does so; what is left of the chunk is then a multiple of 256 KiB, too."""
    data, place = os.urandom(2 * PIECE + 1), begin(plain, "x")

    def broken() -> Iterator[bytes]:
        yield data[: PIECE + 5]
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        httpx.put(place, content=broken(), headers={"content-range": f"bytes 0-{2 * PIECE - 1}/{len(data)}"})
    asked = httpx.put(place, headers={"content-range": "bytes */*"})
    rest = httpx.put(
        place,
        content=data[PIECE : 2 * PIECE],
        headers={"content-range": f"bytes {PIECE}-{2 * PIECE - 1}/{len(data)}"},
    )
    last = httpx.put(
        place,
        content=data[2 * PIECE :],
        headers={"content-range": f"bytes {2 * PIECE}-{2 * PIECE}/{len(data)}"},
    )

    assert asked.headers["range"] == f"bytes=0-{PIECE - 1}"
    assert (rest.status_code, rest.headers["range"]) == (308, f"bytes=0-{2 * PIECE - 1}")
    assert last.status_code == 200
    assert read(plain, "x").content == data


def test_an_upload_that_is_being_written_to_cannot_be_given_up(plain: Plain) -> None:
    place = begin(plain, "x")
    answers: list[int] = []

    def slow() -> Iterator[bytes]:
        yield b"0" * 100_000
        while not answers or answers[-1] == 499:
            answers.append(httpx.delete(place).status_code)
        yield b"1"

    assert httpx.put(place, content=slow()).json()["size"] == "100001"
    assert answers[-1] == 503


NAMES: dict[str, object] = {
    "none": None,
    "a list": ["a"],
    "too long": "x" * 1025,
    "a line break": "a\nb",
    "half a sign": "\ud800",
}


@pytest.mark.parametrize("kind", ["resumable", "multipart"])
@pytest.mark.parametrize("reason", NAMES)
def test_a_name_that_cannot_be_is_refused_before_the_bytes_are_sent(
    plain: Plain, reason: str, kind: str
) -> None:
    plain.put("anchor", b"")
    content = json.dumps({"name": NAMES[reason]}).encode()
    if kind == "multipart":
        content = b"--cut\r\n\r\n" + content + b"\r\n--cut\r\n\r\nx\r\n--cut--"
    response = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o?uploadType={kind}",
        content=content,
        headers={"content-type": "multipart/related; boundary=cut"},
    )

    assert response.status_code == 400


MULTIPART = (
    b'--cut\r\ncontent-type: application/json\r\n\r\n{"name": "m"}\r\n--cut\r\ncontent-type: text/x\r\n\r\n'
)
BROKEN_MULTIPARTS: dict[str, tuple[str, bytes]] = {
    "no boundary named": ("multipart/related", MULTIPART + b"data\r\n--cut--"),
    "the last boundary missing": ("multipart/related; boundary=cut", MULTIPART + b"data"),
    "a description that is not JSON": (
        "multipart/related; boundary=cut",
        b"--cut\r\n\r\nno\r\n--cut\r\n\r\nx\r\n--cut--",
    ),
}


@pytest.mark.parametrize("reason", BROKEN_MULTIPARTS)
def test_a_broken_multipart_body_is_refused(plain: Plain, reason: str) -> None:
    content_type, body = BROKEN_MULTIPARTS[reason]
    plain.put("anchor", b"")
    response = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o?uploadType=multipart",
        content=body,
        headers={"content-type": content_type},
    )

    assert response.status_code == 400
    assert plain.call("GET", f"storage/v1/b/{plain.bucket}/o/m").status_code == 404


def test_a_multipart_body_may_hold_what_looks_like_a_boundary(plain: Plain) -> None:
    plain.put("anchor", b"")
    data = b"--cu\r\n--cu-\r\n\r\n-" * 5000
    response = plain.call(
        "POST",
        f"upload/storage/v1/b/{plain.bucket}/o?uploadType=multipart",
        content=MULTIPART + data + b"\r\n--cut--",
        headers={"content-type": "multipart/related; boundary=cut"},
    )

    assert response.json()["contentType"] == "text/x"
    assert read(plain, "m").content == data


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
