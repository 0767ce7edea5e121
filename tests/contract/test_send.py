"""Files of any size arrive as they are, in pieces, and replace nothing that the caller has not seen."""

import base64
import gzip
import os
from pathlib import Path

import google_crc32c
import httpx
import pytest

from tests.contract.backends import Backend
from tests.support.emulator import RunningEmulator
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex import storage as google_storage

PIECE = 4 * 1024 * 1024
SIZE = 9 * 1024 * 1024  # smaller files go in one call


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "model.safetensors"
    found.write_bytes(os.urandom(SIZE))
    return found


def checksum(path: Path) -> str:
    return base64.b64encode(google_crc32c.value(path.read_bytes()).to_bytes(4, "big")).decode()


def test_a_file_arrives_once(backend: Backend, path: Path, tmp_path: Path) -> None:
    storage, uri = backend.vertex.storage, f"{backend.folder}/weights/model.safetensors"
    sent = storage.send(path, uri, if_generation=0)
    assert sent is not None
    assert (sent.crc32c, sent.size) == (checksum(path), path.stat().st_size)
    assert storage.send(path, uri, if_generation=0) is None, "it is there already"
    storage.download(uri, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("kind", "why"), [("fail_before", "busy"), ("fail_after", "busy too late"), ("lose_response", "cut off")]
)
def test_a_broken_connection_costs_one_piece(
    emulator: RunningEmulator,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    why: str,
) -> None:
    monkeypatch.setattr(google_storage, "PIECE", PIECE)
    emulator.admin.clear_faults()
    emulator.admin.fault("upload_id=", kind, method="PUT", nth=2)
    since = emulator.admin.last_request()
    storage = connect(Connection(endpoint=emulator.url)).storage

    sent = storage.send(path, f"gs://test-bucket/pieces-{kind}/model.safetensors", if_generation=0)

    assert sent is not None
    assert sent.crc32c == checksum(path)
    uploads = [call for call in emulator.admin.requests(since) if "/upload/" in call["path"]]
    methods = [call["method"] for call in uploads]
    assert methods.count("POST") == 1, "the upload was not begun again"
    assert methods.count("PUT") == 4, f"three pieces, one of them twice, because the service was {why}"


class Ended(Exception):
    """Who downloads was told to end."""


@pytest.mark.parametrize(
    ("let", "ends"), [(3, False), (1, True)], ids=["all pieces", "told to end after one"]
)
def test_a_file_comes_back_in_pieces_between_which_it_may_end(
    *,
    emulator: RunningEmulator,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    let: int,
    ends: bool,
) -> None:
    monkeypatch.setattr(google_storage, "PIECE", PIECE)
    storage = connect(Connection(endpoint=emulator.url)).storage
    uri = f"gs://test-bucket/back-{let}/model.safetensors"
    storage.send(path, uri, if_generation=0)
    asked: list[None] = []

    def go_on() -> None:
        asked.append(None)
        if len(asked) > let:
            raise Ended

    since = emulator.admin.last_request()
    if ends:
        with pytest.raises(Ended):
            storage.download(uri, tmp_path / "back", go_on)
    else:
        storage.download(uri, tmp_path / "back", go_on)
        assert (tmp_path / "back").read_bytes() == path.read_bytes()

    read = [call for call in emulator.admin.requests(since) if call["path"].startswith("/download/")]
    assert len(read) == let


def test_an_object_that_is_kept_packed_arrives_unpacked(emulator: RunningEmulator, tmp_path: Path) -> None:
    lines = b'{"prompt": "a", "completion": " b"}\n' * 1000
    where = f"{emulator.url}/upload/storage/v1/b/test-bucket/o"
    query = {"uploadType": "media", "name": "packed/data.jsonl", "contentEncoding": "gzip"}
    sent = httpx.post(where, params=query, content=gzip.compress(lines))
    assert sent.is_success, sent.text

    storage = connect(Connection(endpoint=emulator.url)).storage
    storage.download("gs://test-bucket/packed/data.jsonl", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == lines
