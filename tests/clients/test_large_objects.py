"""Objects larger than what the server may hold in memory, up and down, in one stream and in parts side by side."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud import storage
from google.cloud.storage import transfer_manager

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.google import anonymous

MIB = 1024 * 1024
PART = 32 * MIB
MOST_MB = 64
"""For a transfer, beyond what the server holds before it: less than any object here."""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[RunningEmulator]:
    """A server of its own, so that its peak of memory is this test's."""
    running = start_emulator(tmp_path / "emulator", "--speed", "instant")
    yield running
    running.stop()
    shutil.rmtree(tmp_path)  # pytest keeps the folders of the last runs


def peak_mb(pid: int) -> float:
    """The most memory that a process has held so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def make_file(path: Path, size: int) -> str:
    """Bytes of which no two MiB are alike; gives their hash."""
    digest, block = hashlib.sha256(), os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_one_stream(blob: storage.Blob, source: Path, target: Path) -> None:
    blob.chunk_size = PART  # a resumable upload, in chunks
    blob.upload_from_filename(str(source), checksum="crc32c")
    blob.chunk_size = None
    blob.download_to_filename(str(target), checksum="crc32c")


def in_parts(blob: storage.Blob, source: Path, target: Path, workers: str = transfer_manager.THREAD) -> None:
    transfer_manager.upload_chunks_concurrently(
        str(source), blob, chunk_size=PART, max_workers=4, worker_type=workers
    )
    transfer_manager.download_chunks_concurrently(
        blob, str(target), chunk_size=PART, max_workers=4, worker_type=workers
    )


def in_parts_by_processes(blob: storage.Blob, source: Path, target: Path) -> None:
    in_parts(blob, source, target, transfer_manager.PROCESS)


# The workers do nothing but HTTP; JAX, which other tests load here, warns of every fork.
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
@pytest.mark.parametrize("way", [in_one_stream, in_parts, in_parts_by_processes])
@pytest.mark.parametrize(
    "size",
    [pytest.param(192 * MIB, id="192MiB"), pytest.param(2048 * MIB, id="2GiB", marks=pytest.mark.exhaustive)],
)
def test_a_large_object_goes_up_and_comes_down_through_little_memory(
    fresh: RunningEmulator,
    tmp_path: Path,
    size: int,
    way: Callable[[storage.Blob, Path, Path], None],
    record_property: Callable[[str, object], None],
) -> None:
    client = storage.Client(project="p", credentials=anonymous(), client_options={"api_endpoint": fresh.url})
    blob = client.create_bucket("large-objects").blob("weights/model.safetensors")
    source, target = tmp_path / "source", tmp_path / "target"
    expected = make_file(source, size)

    before = peak_mb(fresh.pid)

    way(blob, source, target)

    assert digest_of(target) == expected
    peak = peak_mb(fresh.pid)
    record_property("MB of memory at most", round(peak))
    record_property("MB of memory for the transfer", round(peak - before))
    assert peak - before < MOST_MB
