"""A tuning that was paid for is taken up again, and a preview says so before anybody is asked to pay."""

from collections.abc import Callable

import pytest
from pulumi.output import Unknown

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.tuning_job import TuningJobProvider
from vertex_tuning.vertex.errors import InvalidRequest, PermissionMissing

Declare = Callable[..., ServicePlan]


def uses(fake: FakeVertex) -> str:
    """What a preview says of the first job."""
    return f"uses {next(iter(fake.jobs.all))} of tests/dev/tickets, pays nothing"


@pytest.mark.parametrize("retrain", ["allow", "deny"])
def test_an_edit_that_is_taken_back_pays_nothing_and_says_so(
    fake: FakeVertex, declare: Declare, said: list[str], retrain: str
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert engine.up(declare(epochs=2)).ok
    said.clear()

    assert engine.up(declare(service={"retrain": retrain})).ok

    assert len(fake.jobs.all) == 2
    assert uses(fake) in said
    assert not any("starts a paid tuning" in line for line in said)


def test_what_is_destroyed_and_brought_up_again_pays_nothing_and_says_so(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert any("starts a paid tuning" in line for line in said)
    assert engine.destroy().ok
    said.clear()

    assert engine.up(declare()).ok

    assert len(fake.jobs.all) == 1
    assert uses(fake) in said
    assert not any("starts a paid tuning" in line for line in said)


def test_weights_whose_job_is_forgotten_are_told_too(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert engine.destroy().ok
    [job] = fake.jobs.all
    fake.jobs.all.clear()
    said.clear()
    assert engine.up(declare()).ok
    assert any(line.startswith(f"uses {job} of") for line in said), said


def test_a_job_that_failed_for_another_is_no_second_payment(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    fake.jobs.failing.append((3, "bad data"))
    assert not MiniEngine().up(declare()).ok
    said.clear()
    assert not MiniEngine().up(declare("twin")).ok
    assert len(fake.jobs.all) == 1
    assert any("set attempt one higher; until then this pays nothing" in line for line in said), said


def test_deny_refuses_what_would_be_paid_for_and_what_could_not_be_looked_at(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    denied = engine.up(declare(service={"retrain": "deny"}, epochs=2))
    assert "epochs changed, which would tune again" in denied.failed["job"].replace("fingerprint, ", "")
    assert engine.up(declare(epochs=2)).ok
    fake.fault("jobs.get", PermissionMissing("no role"))
    denied = engine.up(declare(service={"retrain": "deny"}))
    assert "could not be looked at" in denied.failed["job"]
    assert "retrain is 'deny'" in denied.failed["job"]
    assert "warning: not checked: no role" in said
    assert len(fake.jobs.all) == 2


def test_a_job_that_is_adopted_is_no_tuning_that_deny_refuses(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert engine.up(declare(epochs=2)).ok
    [first, _] = fake.jobs.all
    assert engine.up(declare(service={"retrain": "deny", "adopt_job": first})).ok
    assert engine.outputs("job")["job"] == first
    assert len(fake.jobs.all) == 2


def test_deny_refuses_what_is_not_known_before_an_up(declare: Declare) -> None:
    before = declare().declared["job"]
    after = {**before, "fingerprint": Unknown(), "retrain": "deny"}  # type: ignore[no-untyped-call]
    with pytest.raises(InvalidRequest, match="could not be looked at"):
        TuningJobProvider().diff("id", before, after)
