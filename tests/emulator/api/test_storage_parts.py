"""Uploads in parts through Cloud Storage's XML API: their order, their refusals, their life through a kill."""

import re
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain

BIG = b"x" * (5 * 1024 * 1024)


def url(plain: Plain, upload: str = "", name: str = "o") -> str:
    return f"{plain.url}/{plain.bucket}/{name}?" + (f"uploadId={upload}" if upload else "uploads")


def begin(plain: Plain) -> str:
    plain.put("anchor", b"")
    response = httpx.post(url(plain))
    found = re.search(r"<UploadId>(\w+)</UploadId>", response.text)
    assert found, response.text
    return found[1]


def part(plain: Plain, upload: str, number: int | str, content: bytes, **headers: str) -> httpx.Response:
    place = f"{url(plain, upload)}&partNumber={number}"
    return httpx.put(place, content=content, headers=headers, timeout=60)


def complete(plain: Plain, upload: str, *parts: tuple[int, str]) -> httpx.Response:
    items = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in parts)
    body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>"
    return httpx.post(url(plain, upload), content=body.encode(), timeout=60)


def code(response: httpx.Response) -> tuple[int, str]:
    found = re.search(r"<Code>(\w+)</Code>", response.text)
    return response.status_code, found[1] if found else ""


def gathering(emulator: RunningEmulator) -> set[str]:
    """The files of uploads that are not complete."""
    return {path.name for path in (emulator.data / "incoming").iterdir()}


def test_parts_are_joined_by_number_whatever_came_first_and_the_last_of_each_counts(plain: Plain) -> None:
    upload = begin(plain)
    second = part(plain, upload, 2, b"end").headers["etag"]
    part(plain, upload, 1, b"y" * len(BIG))
    first = part(plain, upload, 1, BIG).headers["etag"]

    assert plain.read("o").status_code == 404, "there is no object before it is complete"
    done = complete(plain, upload, (1, first), (2, second))

    assert done.status_code == 200, done.text
    assert plain.read("o").content == BIG + b"end"
    assert code(complete(plain, upload, (1, first))) == (404, "NoSuchUpload")


def test_more_parts_than_files_that_may_be_open_are_joined(emulator: RunningEmulator, plain: Plain) -> None:
    upload = begin(plain)
    tags = [(n, part(plain, upload, n, BIG).headers["etag"]) for n in range(1, 13)]
    before = resource.prlimit(emulator.pid, resource.RLIMIT_NOFILE)
    there = len(list(Path(f"/proc/{emulator.pid}/fd").iterdir()))
    resource.prlimit(emulator.pid, resource.RLIMIT_NOFILE, (there + 8, before[1]))
    try:
        done = complete(plain, upload, *tags)
    finally:
        resource.prlimit(emulator.pid, resource.RLIMIT_NOFILE, before)
    assert done.status_code == 200, done.text


def test_what_is_given_up_is_gone(emulator: RunningEmulator, plain: Plain) -> None:
    before = gathering(emulator)
    upload = begin(plain)
    part(plain, upload, 1, b"x")

    assert httpx.delete(url(plain, upload)).status_code == 204
    assert code(httpx.delete(url(plain, upload))) == (404, "NoSuchUpload")
    assert code(part(plain, upload, 1, b"x")) == (404, "NoSuchUpload")
    assert gathering(emulator) == before


BAD_COMPLETIONS: dict[str, tuple[list[tuple[int, str]], str]] = {
    "no parts": ([], "MalformedXML"),
    "a part that never came": ([(3, "x")], "InvalidPart"),
    "a part that has changed meanwhile": ([(1, "0" * 32)], "InvalidPart"),
    "out of order": ([(2, "{2}"), (1, "{1}")], "InvalidPartOrder"),
    "one twice": ([(1, "{1}"), (1, "{1}")], "InvalidPartOrder"),
    "a small one that is not the last": ([(1, "{1}"), (2, "{2}")], "EntityTooSmall"),
}


@pytest.mark.parametrize("reason", BAD_COMPLETIONS)
def test_what_cannot_be_put_together_is_refused_and_can_still_be_mended(plain: Plain, reason: str) -> None:
    wanted, expected = BAD_COMPLETIONS[reason]
    upload = begin(plain)
    tags = {number: part(plain, upload, number, b"small").headers["etag"] for number in (1, 2)}

    answer = complete(
        plain, upload, *((n, tag.replace("{1}", tags[1]).replace("{2}", tags[2])) for n, tag in wanted)
    )

    assert code(answer) == (400, expected)
    assert complete(plain, upload, (1, tags[1])).status_code == 200


BODIES: dict[str, bytes] = {
    "no XML": b"{}",
    "a number that is none": b"<C><Part><PartNumber>x</PartNumber><ETag>a</ETag></Part></C>",
    "a tag missing": b"<C><Part><PartNumber>1</PartNumber></Part></C>",
    "entities, which could grow without end": b'<!DOCTYPE a [<!ENTITY b "c">]><C>&b;</C>',
}


@pytest.mark.parametrize("reason", BODIES)
def test_a_malformed_body_is_refused(plain: Plain, reason: str) -> None:
    upload = begin(plain)

    assert code(httpx.post(url(plain, upload), content=BODIES[reason])) == (400, "MalformedXML")


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x"])
def test_a_part_number_out_of_range_is_refused(plain: Plain, number: str) -> None:
    assert part(plain, begin(plain), number, b"x").status_code == 400


@pytest.mark.parametrize(
    "headers", [{"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"x-goog-hash": "crc32c=AAAAAA=="}]
)
def test_a_part_that_arrives_damaged_is_refused(
    emulator: RunningEmulator, plain: Plain, headers: dict[str, str]
) -> None:
    before = gathering(emulator)
    answer = part(plain, begin(plain), 1, b"x", **headers)

    assert code(answer) == (400, "BadDigest")
    assert gathering(emulator) == before


def test_an_upload_belongs_to_its_object(plain: Plain) -> None:
    upload = begin(plain)

    elsewhere = httpx.put(f"{url(plain, upload, name='other')}&partNumber=1", content=b"x")

    assert code(elsewhere) == (404, "NoSuchUpload")


def test_the_rest_of_the_xml_api_is_not_served_and_says_so(plain: Plain) -> None:
    plain.put("o", b"x")

    for method in ("GET", "PUT", "POST", "DELETE"):
        answer = httpx.request(method, f"{plain.url}/{plain.bucket}/o")
        assert code(answer) == (501, "NotImplemented")
    assert httpx.get(f"{plain.url}/v1/o").status_code == 404, "an API's name is no bucket's"


def test_parts_that_were_answered_survive_a_kill(data: Path) -> None:
    before = start_emulator(data, "--speed", "instant")
    plain = Plain(before.url, "p")
    upload = begin(plain)
    tags = [(1, part(plain, upload, 1, BIG).headers["etag"])]
    tags.append((2, part(plain, upload, 2, b"end").headers["etag"]))

    before.kill()
    after = start_emulator(data, "--speed", "instant")
    try:
        again = Plain(after.url, "p")
        assert complete(again, upload, *tags).status_code == 200
        assert again.read("o").content == BIG + b"end"
    finally:
        after.stop()


def test_of_16_parts_at_once_none_is_lost(plain: Plain) -> None:
    upload = begin(plain)

    def send(number: int) -> tuple[int, str]:
        return number, part(plain, upload, number, BIG).headers["etag"]

    with ThreadPoolExecutor(16) as pool:
        tags = list(pool.map(send, range(1, 17)))

    assert complete(plain, upload, *tags).status_code == 200
    assert plain.ok("GET", f"storage/v1/b/{plain.bucket}/o/o")["size"] == str(16 * len(BIG))
