"""What could not be created leaves nothing behind: neither after the edit is taken back, nor after a destroy."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.fake import Crash, FakeVertex, Fault, OperationFault
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import (
    InvalidRequest,
    NoCapacity,
    PermissionMissing,
    QuotaExceeded,
    Transient,
)

Declare = Callable[..., ServicePlan]
REFUSED = InvalidRequest("not like this")


def failing_job(fake: FakeVertex) -> None:
    fake.jobs.failing = [(3, "bad data")]


def fault(call: str, error: BaseException, **how: Any) -> Callable[[FakeVertex], None]:
    return lambda fake: fake.world.faults.append(Fault(call, error, **how))


def operation(call: str, code: int, steps: int = 0) -> Callable[[FakeVertex], None]:
    return lambda fake: fake.world.operation_faults.append(OperationFault(call, code, after_steps=steps))


# What fails in the create, and the edit that brings the create about.
KEY = "projects/acme-keys/locations/us-central1/keyRings/r/cryptoKeys/k"
AGAIN, PRIVATE = {"epochs": 2}, {"kms_key": KEY}
CREATES: dict[str, tuple[Callable[[FakeVertex], None], Mapping[str, Any]]] = {
    "TuningJob: refused": (fault("jobs.create", REFUSED), AGAIN),
    "TuningJob: no permission": (fault("jobs.create", PermissionMissing("no")), AGAIN),
    "TuningJob: looked for in vain": (fault("jobs.labelled", PermissionMissing("no")), AGAIN),
    "TunedModel: the job failed": (failing_job, AGAIN),
    "TunedModel: the job cannot be looked at": (fault("jobs.get", PermissionMissing("no"), nth=3), AGAIN),
    "DeployedModel: refused": (fault("serving.deploy*", REFUSED), AGAIN),
    "DeployedModel: no quota": (fault("serving.deploy*", QuotaExceeded("used up")), AGAIN),
    "DeployedModel: no capacity": (fault("serving.deploy*", NoCapacity("none"), times=None), AGAIN),
    "DeployedModel: failed half-way": (operation("serving.deploy*", 3, 1), AGAIN),
    "DeployedModel: not registered": (fault("serving.upload_model", REFUSED), AGAIN),
    "Endpoint: refused": (fault("serving.create_endpoint", REFUSED), PRIVATE),
    "Endpoint: failed": (operation("serving.create_endpoint", 3), PRIVATE),
    "Endpoint: no answer": (fault("serving.create_endpoint", Transient("lost"), after=True), PRIVATE),
    "Readiness: not ready": (lambda fake: setattr(fake.project, "billing", False), AGAIN),
}
KILLED = {
    "TuningJob": ("jobs.create", AGAIN),
    "DeployedModel": ("serving.deploy", AGAIN),
    "Endpoint": ("serving.create_endpoint", PRIVATE),
}


def left(fake: FakeVertex) -> list[str]:
    """Claims that somebody owns."""
    return [
        uri
        for uri, kept in fake.storage.objects.items()
        if "/.claims/" in uri and b'"owner":""' not in kept.content
    ]


def mend(fake: FakeVertex) -> None:
    fake.world.faults.clear()
    fake.world.operation_faults.clear()
    fake.jobs.failing.clear()
    fake.project.billing = True
    fake.clock.sleep(300)


@pytest.mark.parametrize("first", [True, False], ids=["of a new stack", "of an edit"])
@pytest.mark.parametrize(("fails", "edit"), CREATES.values(), ids=CREATES)
def test_a_failed_create_leaves_nothing(
    fake: FakeVertex,
    declare: Declare,
    fails: Callable[[FakeVertex], None],
    edit: Mapping[str, Any],
    *,
    first: bool,
) -> None:
    engine = MiniEngine()
    if not first:
        assert engine.up(declare()).ok
    before = set(left(fake))
    fails(fake)
    engine.up(declare(**edit))
    mend(fake)

    if not first:
        assert engine.up(declare()).ok, "the edit is taken back"
        assert set(left(fake)) == before
    assert engine.destroy().ok
    assert left(fake) == []
    assert fake.serving.sites == {}
    assert fake.serving.registered == {}
    fake.clock.sleep(300)
    fake.world.advance()
    assert all(job.state.ended for job in fake.jobs.all.values())


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize(("call", "edit"), KILLED.values(), ids=KILLED)
def test_a_killed_create_leaves_nothing_once_the_stack_is_destroyed(
    fake: FakeVertex, declare: Declare, call: str, edit: Mapping[str, Any], *, after: bool
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    fake.fault(call, Crash(), after=after)
    with pytest.raises(Crash):
        engine.up(declare(**edit))
    mend(fake)

    assert engine.destroy().ok
    assert left(fake) == []
    assert fake.serving.sites == {}
    fake.clock.sleep(300)
    fake.world.advance()
    assert all(job.state.ended for job in fake.jobs.all.values())
