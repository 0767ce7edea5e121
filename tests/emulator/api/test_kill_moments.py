"""SIGKILL at the moments at which something could get lost: right before a transaction that changes a state.

A test takes the lock of the books, so that the server stands still at its next transaction, and kills it there.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain

Json = dict[str, Any]
_PATIENCE_S = 60.0
_STEP_S = 0.4
"""For the server to reach its next transaction when a step is due; it waits there for some seconds."""


@pytest.fixture
def emulator(data: Path) -> Iterator[RunningEmulator]:
    """A server of the test's own."""
    running = start_emulator(data, "--speed", "fast")
    yield running
    running.kill()


def kill_at_the_books(emulator: RunningEmulator, call: Callable[[], httpx.Response] | None = None) -> None:
    """Kill the server when it is about to write: what is due, or the new object that a call asks for."""
    before = blobs(emulator.data)
    books = sqlite3.connect(emulator.data / "vertex.sqlite", isolation_level=None)
    books.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call) if call else None
        if answer is None:
            time.sleep(_STEP_S)
        else:
            until(lambda: blobs(emulator.data) != before, "the bytes are about to become an object")
        emulator.kill()
        if answer is not None:
            assert isinstance(answer.exception(_PATIENCE_S), httpx.TransportError), "it is not answered"
    books.close()


@contextmanager
def restarted(emulator: RunningEmulator) -> Iterator[Plain]:
    """The next server over the same data and at the same address."""
    port = int(emulator.url.rpartition(":")[2])
    after = start_emulator(emulator.data, "--speed", "instant", port=port)
    try:
        yield Plain(after.url, "p")
    finally:
        after.stop()


def blobs(data: Path) -> set[str]:
    return {path.name for path in (data / "blobs").glob("*/*")}


def until(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


def test_the_last_chunk_of_an_upload_can_be_sent_again(emulator: RunningEmulator, data: Path) -> None:
    plain = Plain(emulator.url, "p")
    plain.put("anchor", b"")
    half = 262_144
    begun = plain.call(
        "POST", f"upload/storage/v1/b/{plain.bucket}/o?uploadType=resumable", {"name": "whole"}
    )
    place = begun.headers["location"]
    httpx.put(place, content=b"a" * half, headers={"content-range": f"bytes 0-{half - 1}/*"})

    def last() -> httpx.Response:
        return httpx.put(place, content=b"z", headers={"content-range": f"bytes {half}-{half}/{half + 1}"})

    kill_at_the_books(emulator, last)

    with restarted(emulator) as again:
        asked = httpx.put(place, headers={"content-range": "bytes */*"})
        assert int(asked.headers["range"].rpartition("-")[2]) >= half - 1
        assert last().json()["size"] == str(half + 1)
        read = again.call("GET", f"storage/v1/b/{again.bucket}/o/whole?alt=media")
        assert read.content == b"a" * half + b"z"
        assert len(blobs(data)) == 2
        assert not list((data / "incoming").iterdir())


def test_parts_can_be_completed_again(emulator: RunningEmulator, data: Path) -> None:
    plain = Plain(emulator.url, "p")
    plain.put("anchor", b"")
    place = f"{plain.url}/{plain.bucket}/whole"
    upload = httpx.post(f"{place}?uploads").text.partition("<UploadId>")[2].partition("<")[0]
    tag = httpx.put(f"{place}?partNumber=1&uploadId={upload}", content=b"one").headers["etag"]
    item = f"<Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>"

    def complete() -> httpx.Response:
        body = f"<CompleteMultipartUpload>{item}</CompleteMultipartUpload>"
        return httpx.post(f"{place}?uploadId={upload}", content=body.encode())

    kill_at_the_books(emulator, complete)

    with restarted(emulator) as again:
        assert complete().status_code == 200
        assert again.call("GET", f"storage/v1/b/{again.bucket}/o/whole?alt=media").content == b"one"
        assert len(blobs(data)) == 2
        assert not list((data / "incoming").iterdir())


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_an_operation_of_several_steps_takes_each_of_them_once(
    emulator: RunningEmulator, data: Path, taken: int
) -> None:
    plain = Plain(emulator.url, "p")
    weights = plain.weights()
    operation = plain.ok("POST", f"v1beta1/{plain.location}:deploy", {"customModel": {"gcsUri": weights}})
    books = sqlite3.connect(data / "vertex.sqlite", isolation_level=None)

    def steps() -> int:
        (record,) = books.execute("SELECT record FROM operations").fetchone()
        found: int = json.loads(record)["step"]
        return found

    until(lambda: steps() >= taken, "its steps come one after the other")
    kill_at_the_books(emulator)
    assert steps() == taken, "it was about to take the next one"
    books.close()

    with restarted(emulator) as again:
        answer = again.done(operation)
        (endpoint,) = again.vertex("GET", "/endpoints")["endpoints"]
        (model,) = again.vertex("GET", "/models")["models"]
        assert (endpoint["name"], f"{model['name']}@1") == (answer["endpoint"], answer["model"])
        assert len(endpoint["deployedModels"]) == 1


def test_a_job_whose_output_was_about_to_appear_makes_one_model(
    emulator: RunningEmulator, data: Path
) -> None:
    plain = Plain(emulator.url, "p")
    job = plain.tune()
    before = blobs(data)
    until(lambda: blobs(data) != before, "the worker's output becomes objects")
    kill_at_the_books(emulator)

    with restarted(emulator) as again:
        assert again.ended(job)["state"] == "JOB_STATE_SUCCEEDED"
        assert len(again.vertex("GET", "/models")["models"]) == 1
        objects = again.ok("GET", f"storage/v1/b/{again.bucket}/o")["items"]
        assert len(blobs(data)) == len(objects)


@pytest.mark.parametrize("when", ["PENDING", "RUNNING"])
def test_a_cancel_that_was_answered_holds(emulator: RunningEmulator, data: Path, when: str) -> None:
    plain = Plain(emulator.url, "p")
    job = plain.tune(spec={"hyperParameters": {"epochCount": "100"}})
    plain.until(job, when, "RUNNING")

    plain.ok("POST", f"v1beta1/{job['name']}:cancel", {})
    emulator.kill()

    with restarted(emulator) as again:
        assert again.ended(job)["state"] == "JOB_STATE_CANCELLED"


def test_a_job_whose_output_bucket_has_gone_leaves_no_bytes_behind(
    emulator: RunningEmulator, data: Path
) -> None:
    plain = Plain(emulator.url, "p")
    plain.ok("POST", f"storage/v1/b?project={plain.project}", {"name": "output-bucket"})
    job = plain.tune(outputUri="gs://output-bucket/out")
    plain.ok("DELETE", "storage/v1/b/output-bucket")
    before = blobs(data)

    ended = plain.ended(job)

    assert ended["state"] == "JOB_STATE_FAILED"
    assert "output-bucket" in ended["error"]["message"]
    assert blobs(data) == before
