"""A job that is adopted: the one that is named is served from then on, and left as it was."""

from collections.abc import Callable

import pytest

from tests.support.declared import BUCKET
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import JobState

Declare = Callable[..., ServicePlan]


def job_of(fake: FakeVertex, declare: Declare, stack: str) -> str:
    """A job of another stack that succeeded, in an output folder of its own."""
    other = MiniEngine()
    assert other.up(declare(stack, service={"serve": False, "output_uri": f"gs://{BUCKET}/{stack}"})).ok
    return str(other.outputs("job")["job"])


def shown(engine: MiniEngine) -> tuple[str, str, str]:
    """The jobs that the state names, and the folder whose weights are served."""
    return (
        engine.outputs("job")["job"],
        engine.outputs("model")["job"],
        engine.outputs("model")["artifacts_uri"],
    )


def folder(fake: FakeVertex, job: str) -> str:
    return f"{fake.jobs.all[job].request.output_uri}/postprocess/node-0/checkpoints/final"


def test_a_job_is_adopted_in_place_of_one_that_failed(fake: FakeVertex, declare: Declare) -> None:
    good = job_of(fake, declare, "other")
    fake.jobs.failing = [(3, "bad data")]
    engine = MiniEngine()
    assert not engine.up(declare(service={"serve": False})).ok

    assert engine.up(declare(service={"serve": False, "adopt_job": good})).ok

    assert shown(engine) == (good, good, folder(fake, good))


def test_another_job_s_weights_are_served_in_place_of_one_s_own(fake: FakeVertex, declare: Declare) -> None:
    good = job_of(fake, declare, "other")
    engine, adopting = MiniEngine(), declare(service={"adopt_job": good})
    assert engine.up(declare()).ok
    [own] = [job for job in fake.jobs.all if job != good]

    assert engine.up(adopting).ok

    assert shown(engine) == (good, good, folder(fake, good))
    assert len(fake.serving.registered) == 1, "the old deployment went"
    assert engine.up(adopting).quiet
    assert engine.up(declare()).ok
    assert shown(engine)[0] == own, "without adopt_job its own weights are taken up again"
    assert len(fake.jobs.all) == 2, "and nothing is paid for again"


def test_from_one_adopted_job_to_another(fake: FakeVertex, declare: Declare) -> None:
    first, second = job_of(fake, declare, "a"), job_of(fake, declare, "b")
    engine = MiniEngine()
    for job in (first, second, first):
        plan = declare(service={"adopt_job": job})
        assert engine.up(plan).ok
        assert shown(engine) == (job, job, folder(fake, job))
        assert engine.up(plan).quiet

    refused = engine.up(declare(service={"adopt_job": f"{first[:-1]}x"}))

    assert f"adopt_job: {first[:-1]}x is not there" in refused.failed["job"]
    assert len(fake.serving.registered) == 1


def test_without_adopt_job_what_a_tuning_costs_is_told(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(service={"serve": False, "adopt_job": job_of(fake, declare, "other")})).ok
    said.clear()

    ran = engine.up(declare(service={"serve": False}))

    assert "job" in ran.made
    assert any(line.startswith("starts a paid tuning") for line in said), said


@pytest.mark.parametrize("delete_artifacts", [False, True])
def test_one_s_own_running_job_is_adopted_and_not_cancelled_by_the_edit(
    fake: FakeVertex, declare: Declare, *, delete_artifacts: bool
) -> None:
    service = {"serve": False, "wait": False, "delete_artifacts": delete_artifacts}
    engine, own = MiniEngine(), declare(service=service)
    assert engine.up(own).ok
    [job] = fake.jobs.all
    adopting = declare(service={**service, "adopt_job": job})
    for plan in (adopting, own, adopting):
        for _ in range(3):
            assert engine.up(plan).ok
            fake.clock.sleep(60)

    assert list(fake.jobs.all) == [job]
    live = fake.jobs.get(job)
    assert live is not None
    assert live.state is JobState.SUCCEEDED
    assert fake.storage.is_model(folder(fake, job)), "what is adopted is not deleted with what made it"
    assert engine.destroy().ok
    assert fake.storage.is_model(folder(fake, job))


def test_the_owner_of_an_adopted_job_in_the_same_folder_does_not_end_it(
    fake: FakeVertex, declare: Declare
) -> None:
    owner, reader = MiniEngine(), MiniEngine()
    service = {"serve": False, "delete_artifacts": True}
    assert owner.up(declare("owner", service=service)).ok
    [job] = fake.jobs.all
    assert reader.up(declare("reader", service={"serve": False, "adopt_job": job})).ok

    assert owner.destroy().ok

    assert fake.storage.is_model(folder(fake, job))
    assert reader.destroy().ok
    assert owner.up(declare("owner", service=service)).ok
    assert list(fake.jobs.all) == [job], "it was left for whoever wants it next"
