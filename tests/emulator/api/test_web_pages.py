"""What a web page in the user's browser may do here: nothing. And no client holds the server up."""

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain
from vertex_emulator.settings import MAX_CONNECTIONS

PAGES = [
    ({"sec-fetch-site": "cross-site"}, "another site's page"),
    ({"sec-fetch-site": "same-site"}, "a page on another port of this machine"),
    ({"sec-fetch-site": "same-origin"}, "a page that came out of a bucket"),
    ({"origin": "https://example.com"}, "a form of an older browser"),
    ({"origin": "null"}, "a page in a sandbox"),
    ({"host": "attacker.example:80"}, "a name that leads to this machine"),
    ({"host": "127.0.0.1.attacker.example"}, "a name that looks like an address"),
    ({"host": "[::1"}, "no name at all"),
]
CALLS = [
    ("POST", "storage/v1/b?project=p", "make a bucket"),
    ("POST", "upload/storage/v1/b/b/o?uploadType=media&name=page.html", "upload a page"),
    ("GET", "storage/v1/b/b/o/page.html?alt=media", "open a page on this origin"),
    ("POST", "v1/projects/p/locations/us-central1/endpoints", "make an endpoint"),
    ("POST", "emulator/faults", "stop a process"),
    ("GET", "emulator/requests", "read what was asked"),
]


@pytest.mark.parametrize(("headers", "whose"), PAGES, ids=[case[1] for case in PAGES])
@pytest.mark.parametrize(("method", "path", "what"), CALLS, ids=[case[2] for case in CALLS])
def test_no_page_is_answered(
    emulator: RunningEmulator, method: str, path: str, what: str, headers: dict[str, str], whose: str
) -> None:
    kind = {"content-type": "application/json"} if path.startswith("emulator") else {}

    answer = httpx.request(
        method,
        f"{emulator.url}/{path}",
        headers={**kind, **headers},
        content=b"{}" if method == "POST" else b"",
    )

    assert answer.status_code == 403, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1:1", "[::1]:8470"])
def test_this_machine_by_any_of_its_names_is_answered(emulator: RunningEmulator, host: str) -> None:
    answer = httpx.get(f"{emulator.url}/emulator/health", headers={"host": host, "sec-fetch-site": "none"})

    assert answer.status_code == 200


def test_a_download_is_never_run_by_a_browser(plain: Plain) -> None:
    plain.put("page.html", b"<script>1</script>")

    answer = httpx.get(f"{plain.url}/storage/v1/b/{plain.bucket}/o/page.html?alt=media")

    assert answer.content == b"<script>1</script>"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")


def test_silent_connections_make_room(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = start_emulator(tmp_path_factory.mktemp("silent"))
    address = urlsplit(running.url)
    silent = [
        socket.create_connection((str(address.hostname), int(address.port or 0)))
        for _ in range(MAX_CONNECTIONS + 20)
    ]
    try:
        begun = time.monotonic()
        answers = [httpx.get(f"{running.url}/emulator/health", timeout=20).status_code for _ in range(5)]
        assert (answers, time.monotonic() - begun < 5) == ([200] * 5, True)
    finally:
        for each in silent:
            each.close()
        running.stop()


def test_a_head_that_does_not_end_is_cut(emulator: RunningEmulator) -> None:
    address = urlsplit(emulator.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as client:
        client.sendall(b"GET /emulator/health HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        assert client.recv(1) == b"", "closed without an answer"


BATCHES = [
    (b"--cut\r\n\r\n" + b"x: y\r\n" * 1_200_000 + b"--cut--", "ten million bytes of heads"),
    (b"--cut\r\n\r\nGET /x HTTP/1.1\r\n\r\n\r\n" * 100_000 + b"--cut--", "a hundred thousand calls"),
    (b"--cut\r\n" * 1_000_000, "parts of nothing"),
    (
        b"--cut\r\ncontent-id: " + b"<" * 9_000_000 + b"\r\n\r\nGET /x HTTP/1.1\r\n\r\n\r\n--cut--",
        "a long id",
    ),
]


@pytest.mark.parametrize(("body", "why"), BATCHES, ids=[case[1] for case in BATCHES])
def test_a_batch_holds_nobody_up(plain: Plain, body: bytes, why: str) -> None:
    begun = time.monotonic()
    answer = httpx.post(
        f"{plain.url}/batch/storage/v1",
        content=body,
        headers={"content-type": "multipart/mixed; boundary=cut"},
        timeout=60,
    )

    assert answer.status_code in (200, 400), answer.text
    assert time.monotonic() - begun < 5
