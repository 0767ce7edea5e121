"""What evidence says of Cloud Storage: one write of an object a second, checksums that are believed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain
from vertex_tuning.vertex import Connection, connect


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """A server whose second is a second."""
    running = start_emulator(tmp_path_factory.mktemp("strict"), "--speed", "fast")
    yield running
    running.stop()


@pytest.fixture
def busy(strict: RunningEmulator, request: pytest.FixtureRequest) -> Plain:
    return Plain.of_test(strict.url, request.node.nodeid)


WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "another upload": ("POST", "upload/storage/v1/b/{b}/o?uploadType=media&name=o", {"content": b"2"}),
    "a change of its description": ("PATCH", "storage/v1/b/{b}/o/o", {"json": {"metadata": {"a": "b"}}}),
    "a copy onto it": ("POST", "storage/v1/b/{b}/o/other/copyTo/b/{b}/o/o", {"json": {}}),
}


@pytest.mark.evidence("storage.one-write-a-second", side="service")
@pytest.mark.parametrize("write", WRITES)
def test_a_second_write_in_a_second_is_refused(busy: Plain, write: str) -> None:
    busy.put("other", b"x")
    method, path, options = WRITES[write]
    url = f"{busy.url}/{path.replace('{b}', busy.bucket)}"
    busy.put("o", b"1")

    refused = httpx.request(method, url, **options)
    time.sleep(1.05)
    taken = httpx.request(method, url, **options)

    assert (refused.status_code, taken.status_code) == (429, 200), refused.text
    error = refused.json()["error"]
    assert error["errors"][0]["reason"] == "rateLimitExceeded"
    assert "exceeded the rate limit for object mutation operations" in error["message"]


@pytest.mark.evidence("storage.one-write-a-second", side="plugin")
def test_a_claim_that_is_written_twice_in_a_second_waits(busy: Plain) -> None:
    busy.put("first", b"")  # makes the bucket
    claims, uri = connect(Connection(endpoint=busy.url)).storage, f"gs://{busy.bucket}/.claims/a.json"

    first = claims.write(uri, b"1", if_generation=0)
    assert first is not None
    second = claims.write(uri, b"2", if_generation=first)

    assert second is not None
    assert claims.read(uri) == (b"2", second)


@pytest.mark.evidence("storage.checksum-given", side="service")
@pytest.mark.parametrize("checksum", ["auto", "crc32c", "md5", None])
def test_a_wrong_checksum_of_the_callers_own_is_refused(
    plain: Plain, tmp_path: Path, checksum: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.put("first", b"")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", plain.url)
    path = tmp_path / "data"
    path.write_bytes(b"x" * 300_000)
    client = storage.Client(project="p", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    blob = client.bucket(plain.bucket).blob("checked", chunk_size=262_144)

    with path.open("rb") as file, pytest.raises(BadRequest):  # without a size it comes in chunks
        blob.upload_from_file(file, checksum=checksum, crc32c_checksum_value="AAAAAA==")

    assert client.bucket(plain.bucket).get_blob("checked") is None


@pytest.mark.evidence("storage.checksum-given", side="plugin")
def test_what_the_plugin_uploads_has_its_checksum(plain: Plain, tmp_path: Path) -> None:
    plain.put("first", b"")
    path = tmp_path / "data"
    path.write_bytes(b"hello")

    blob = connect(Connection(endpoint=plain.url)).storage.upload(path, f"gs://{plain.bucket}/hello")

    assert blob.crc32c == "mnG7TA=="
