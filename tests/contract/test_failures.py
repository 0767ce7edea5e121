"""What goes wrong at Google arrives as the same closed class, whichever Vertex it is.

Not on the real one: faults are asked for, of the fake and of the embedded service. The policy of trying
again is shortened to its first try.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stamina

from tests.conftest import BUCKET, PROJECT
from tests.contract.backends import REGION, Backend
from tests.support.emulator import RunningEmulator
from tests.support.fake import FakeVertex, OperationFault
from vertex_tuning.catalog import FailureKind, TuningMode
from vertex_tuning.vertex.client import Job, JobRequest, JobState, Vertex
from vertex_tuning.vertex.errors import (
    AlreadyExists,
    InvalidRequest,
    NotFound,
    NotSignedIn,
    PermissionMissing,
    QuotaExceeded,
    Transient,
    Unavailable,
    VertexError,
    of_http,
)

ENDPOINT = f"projects/{PROJECT}/locations/{REGION}/endpoints"
STATUSES: list[tuple[int, type[VertexError]]] = [
    (400, InvalidRequest),
    (401, NotSignedIn),
    (403, PermissionMissing),
    (409, AlreadyExists),
    (429, QuotaExceeded),
    (500, Unavailable),
    (503, Unavailable),
]


@pytest.fixture(autouse=True)
def _no_second_try() -> Iterator[None]:
    with stamina.set_testing(True):
        yield


@dataclass(frozen=True)
class Call:
    """A call of the protocol, and the request that it makes."""

    name: str
    method: str
    path: str
    make: Callable[[Vertex], Any]


CALLS = [
    Call("serving.endpoint", "GET", "/endpoints/e", lambda v: v.serving.endpoint(f"{ENDPOINT}/e")),
    Call(
        "serving.create_endpoint",
        "POST",
        r"/endpoints\?",
        lambda v: v.serving.create_endpoint(f"{ENDPOINT}/vt-made", "made", {}, None, None),
    ),
    Call("jobs.labelled", "GET", "/tuningJobs", lambda v: v.jobs.labelled(PROJECT, REGION, {"a": "b"})),
    Call("storage.stat", "GET", "/o/x", lambda v: v.storage.stat(f"gs://{BUCKET}/x")),
    Call("storage.listed", "GET", "/o(\\?|$)", lambda v: v.storage.listed(f"gs://{BUCKET}/x")),
]


def goes_wrong(
    request: pytest.FixtureRequest, backend: Backend, call: Call, *, status: int | None, after: bool = False
) -> None:
    """Let the next such call fail with a status, or lose its answer; before or after its effect."""
    if isinstance(backend.vertex, FakeVertex):
        error = of_http(status, "asked for") if status else Transient("the line went dead")
        backend.vertex.fault(call.name, error, after=after)
        return
    emulator: RunningEmulator = request.getfixturevalue("service")
    emulator.admin.clear_faults()
    if status is None:
        emulator.admin.fault(call.path, "lose_response", method=call.method)
    else:
        action = "fail_after" if after else "fail_before"
        emulator.admin.fault(call.path, action, method=call.method, status=status, message="asked for")


@pytest.fixture
def faulty(backend: Backend) -> Backend:
    if backend.name == "real":
        pytest.skip("Google does not fail on demand")
    return backend


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_a_status_is_a_class(
    request: pytest.FixtureRequest, faulty: Backend, call: Call, status: int, kind: type[VertexError]
) -> None:
    if (call.name, status) == ("jobs.labelled", 400):
        pytest.skip("a filter that is refused is left out: jobs.label-filter in the list of evidence")
    goes_wrong(request, faulty, call, status=status)
    with pytest.raises(kind) as raised:
        call.make(faulty.vertex)
    assert type(raised.value) is kind
    if kind is not NotSignedIn:  # which says what to type instead
        assert "asked for" in str(raised.value), "Google's own words"


@pytest.mark.parametrize("status", [None, 503], ids=["the answer is lost", "it answers 503 after the effect"])
def test_what_was_cut_off_may_have_been_done(
    request: pytest.FixtureRequest, faulty: Backend, status: int | None
) -> None:
    name = f"{ENDPOINT}/vt-cut-{status or 'off'}"
    call = Call(
        "serving.create_endpoint",
        "POST",
        r"/endpoints\?",
        lambda v: v.serving.create_endpoint(name, "made", {}, None, None),
    )
    goes_wrong(request, faulty, call, status=status, after=True)
    with pytest.raises(Transient):
        call.make(faulty.vertex)
    assert faulty.until(lambda: faulty.vertex.serving.endpoint(name))
    faulty.finish(faulty.vertex.serving.delete_endpoint(name))


def test_nothing_there_is_no_error_and_a_write_without_a_bucket_is(faulty: Backend) -> None:
    assert faulty.vertex.serving.endpoint(f"{ENDPOINT}/vt-nowhere") is None
    assert faulty.vertex.storage.stat(f"gs://{BUCKET}/nowhere") is None
    assert faulty.vertex.storage.read("gs://no-such-bucket-here-at-all/x") is None
    with pytest.raises(NotFound):
        faulty.vertex.storage.write("gs://no-such-bucket-here-at-all/x", b"", if_generation=0)


@pytest.mark.parametrize("after_steps", [0, 1], ids=["before its only step", "after it"])
def test_an_operation_that_fails_says_why(
    request: pytest.FixtureRequest, faulty: Backend, after_steps: int
) -> None:
    name = f"{ENDPOINT}/vt-half-{after_steps}"
    if isinstance(faulty.vertex, FakeVertex):
        faulty.vertex.world.operation_faults.append(
            OperationFault("serving.create_endpoint", 9, "asked for", after_steps)
        )
    else:
        emulator: RunningEmulator = request.getfixturevalue("service")
        emulator.admin.clear_faults()
        emulator.admin.fault(
            r"/endpoints\?",
            "operation_failure",
            method="POST",
            code=9,
            message="asked for",
            after_steps=after_steps,
        )
    operation = faulty.vertex.serving.create_endpoint(name, "half", {}, None, None)
    with pytest.raises(InvalidRequest, match="asked for"):
        faulty.finish(operation)
    assert (faulty.vertex.serving.endpoint(name) is not None) is bool(after_steps)
    faulty.finish(faulty.vertex.serving.delete_endpoint(name))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(13, FailureKind.INTERNAL), (14, FailureKind.UNAVAILABLE), (8, FailureKind.CAPACITY), (3, None)],
)
def test_a_failed_job_says_whether_its_failure_may_pass(
    request: pytest.FixtureRequest, faulty: Backend, tmp_path: Path, code: int, kind: FailureKind | None
) -> None:
    if isinstance(faulty.vertex, FakeVertex):
        faulty.vertex.jobs.failing = [(code, "asked for")]
    else:
        emulator: RunningEmulator = request.getfixturevalue("service")
        emulator.admin.fault("/tuningJobs", "job_failure", method="POST", code=code, message="asked for")
    data = tmp_path / "train.jsonl"
    data.write_text('{"prompt": "1+1=", "completion": " 2"}\n')
    faulty.vertex.storage.upload(data, f"{faulty.folder}/failing.jsonl")
    asked = JobRequest(
        display_name="failing",
        base_model="meta/llama3_1@llama-3.1-8b",
        mode=TuningMode.FULL,
        training_uri=f"{faulty.folder}/failing.jsonl",
        output_uri=f"{faulty.folder}/failing",
        epochs=1,
        labels={},
    )
    faulty.until(lambda: faulty.vertex.jobs.active(faulty.project, REGION) == ())
    name = faulty.vertex.jobs.create(faulty.project, REGION, asked).name

    def ended() -> Job | None:
        job = faulty.vertex.jobs.get(name)
        return job if job is not None and job.state.ended else None

    failed: Job = faulty.until(ended)
    assert (failed.state, failed.failure, failed.reason) == (JobState.FAILED, kind, "asked for")
