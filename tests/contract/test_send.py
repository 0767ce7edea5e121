"""Files of any size arrive as they are, in pieces, and replace nothing that the caller has not seen."""

import base64
import os
from pathlib import Path

import google_crc32c
import pytest

from tests.contract.conftest import Backend
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
