"""A tuning whose claim was lost: its job is taken up again, and what is gone is not paid for unseen."""

from collections.abc import Callable

import pytest

from tests.support.declared import OUTPUT
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import JobState
from vertex_tuning.vertex.errors import NotFound

Declare = Callable[..., ServicePlan]


def lose_claims(fake: FakeVertex) -> None:
    """What a lifecycle rule of the bucket does, or a hand."""
    there = fake.storage.objects
    fake.storage.objects = {uri: blob for uri, blob in there.items() if "/.claims/TuningJob" not in uri}


def states(fake: FakeVertex) -> list[JobState]:
    return [job.state for job in fake.jobs.all.values()]


@pytest.mark.parametrize("retrain", ["allow", "deny"])
@pytest.mark.parametrize("wait", [True, False])
def test_a_job_that_succeeded_is_taken_up_again(
    fake: FakeVertex, declare: Declare, retrain: str, *, wait: bool
) -> None:
    engine = MiniEngine()
    plan = declare(service={"serve": False, "wait": wait, "retrain": retrain})
    for _ in range(4):
        assert engine.up(plan).ok
        fake.clock.sleep(100)
    lose_claims(fake)
    engine.refresh()

    assert engine.up(plan).ok

    assert len(fake.jobs.all) == 1
    assert engine.outputs("job")["owned"]
    engine.up(plan)
    assert engine.up(plan).quiet


def test_a_job_that_runs_is_taken_up_again_and_ended_by_a_destroy(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.training_seconds = 1e6
    engine, plan = MiniEngine(), declare(service={"serve": False, "wait": False})
    assert engine.up(plan).ok
    lose_claims(fake)
    engine.refresh()
    fake.clock.sleep(300)

    assert engine.up(plan).ok
    assert engine.destroy().ok

    [job] = fake.jobs.all.values()
    assert job.cancelling


def test_a_job_that_failed_is_not_run_again(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.failing = [(3, "bad data")]
    engine, plan = MiniEngine(), declare(service={"serve": False})
    assert not engine.up(plan).ok
    lose_claims(fake)
    engine.refresh()

    assert "bad data" in engine.up(plan).failed["model"]

    assert states(fake) == [JobState.FAILED]


def test_what_is_gone_with_its_claim_is_replaced_and_its_cost_told(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine, plan = MiniEngine(), declare(service={"serve": False})
    assert engine.up(plan).ok
    fake.jobs.all.clear()
    fake.storage.objects = {uri: blob for uri, blob in fake.storage.objects.items() if OUTPUT not in uri}
    engine.refresh()
    said.clear()

    ran = engine.up(plan)

    assert ran.ok, ran
    assert "job" in ran.made
    assert any(line.startswith("starts a paid tuning") for line in said), said
    assert len(fake.jobs.all) == 1


def test_an_update_alone_never_pays_again(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"serve": False})
    assert engine.up(plan).ok
    lose_claims(fake)
    engine.refresh()
    entry = engine.live("job")
    assert entry is not None
    assert not entry.provider.diff(entry.id, dict(entry.outputs), dict(entry.inputs)).replaces
    fake.jobs.all.clear()

    with pytest.raises(NotFound, match="its claim are gone"):
        entry.provider.update(entry.id, dict(entry.outputs), dict(entry.inputs))

    assert fake.jobs.all == {}
