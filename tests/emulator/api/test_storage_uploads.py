"""Cloud Storage's uploads in their details: resumable ones and multipart bodies."""

import json
import os
from collections.abc import Iterator

import httpx
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain


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
    assert plain.read("big").content == data


def test_a_resumable_upload_keeps_its_condition_to_the_end(plain: Plain) -> None:
    place = begin(plain, "claim", ifGenerationMatch="0")
    plain.put("claim", b"somebody was faster")

    late = httpx.put(place, content=b"mine")
    again = httpx.put(place, content=b"mine")

    assert (late.status_code, again.status_code) == (412, 404), "what is refused at its end is over"
    assert plain.read("claim").content == b"somebody was faster"


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
    assert plain.read("x").content == b"a" * size + b"z"


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
    assert plain.read("x").content == data


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
    assert plain.read("m").content == data


PLAIN_HEAD = (
    '--b{e}Content-Type: application/json{e}{e}{{"name": "{n}"}}{e}--b{e}Content-Type: text/plain{e}{e}'
)
BODIES = [
    ("\n", 'multipart/related; boundary="b"', "hello\n", "bare line feeds, as gcsfs writes them"),
    (
        "\r\n",
        "multipart/related; boundary='b'",
        "a\n--b\nb",
        "a boundary in single quotes, as apitools writes it",
    ),
    ("\n", "multipart/related; boundary='b'", "", "both, and an object without bytes"),
]


@pytest.mark.parametrize(("end", "kind", "content", "why"), BODIES, ids=[case[3] for case in BODIES])
def test_bodies_of_other_clients_are_taken(plain: Plain, end: str, kind: str, content: str, why: str) -> None:
    plain.put("first", b"")  # makes the bucket
    body = PLAIN_HEAD.format(e=end, n="o") + content + f"{end}--b--"

    answer = httpx.post(
        f"{plain.url}/upload/storage/v1/b/{plain.bucket}/o?uploadType=multipart",
        headers={"content-type": kind},
        content=body.encode(),
    )

    assert answer.status_code == 200, answer.text
    kept = httpx.get(f"{plain.url}/storage/v1/b/{plain.bucket}/o/o?alt=media")
    assert (kept.text, kept.headers["content-type"].partition(";")[0]) == (content, "text/plain")


def test_chunks_may_come_by_post(plain: Plain) -> None:
    place = begin(plain, "posted")

    first = httpx.post(
        place, content=b"x" * 2**18, headers={"content-range": f"bytes 0-{2**18 - 1}/{2**18 + 5}"}
    )
    last = httpx.post(
        place, content=b"hello", headers={"content-range": f"bytes {2**18}-{2**18 + 4}/{2**18 + 5}"}
    )

    assert (first.status_code, last.status_code) == (308, 200)
    assert last.json()["size"] == str(2**18 + 5)


@pytest.mark.parametrize(
    ("acl", "status"), [("projectPrivate", 200), ("bucketOwnerFullControl", 200), ("publicRead", 501)]
)
def test_an_acl_that_lets_nobody_in_says_nothing_new(plain: Plain, acl: str, status: int) -> None:
    answer = httpx.post(
        f"{plain.url}/storage/v1/b?project=p&predefinedAcl={acl}&predefinedDefaultObjectAcl={acl}",
        json={"name": f"acl-{acl.lower()}-{plain.bucket}"[:60]},
    )

    assert answer.status_code == status, answer.text
