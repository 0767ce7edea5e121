"""What lives for someone is never deleted or cancelled by a leftover, a twin or a failed rollout."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import OUTPUT, PROJECT, REGION, planned
from tests.support.fake import Crash, FakeVertex, OperationFault
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.vertex.claims import ClaimChanged
from vertex_tuning.vertex.client import JobState

Declare = Callable[..., ServicePlan]


def serving(fake: FakeVertex, plan: ServicePlan) -> list[tuple[str, int]]:
    """(model id, per cent) of everything on the service's endpoint."""
    assert plan.endpoint_name is not None
    site = fake.serving.endpoint(plan.endpoint_name)
    if site is None:
        return []
    return [(item.model.rsplit("/", 1)[1], site.traffic.get(item.id, 0)) for item in site.deployed]


def model_id(plan: ServicePlan) -> str:
    return str(plan.declared["deployed"]["model_id"])


def states(fake: FakeVertex) -> list[JobState]:
    fake.world.advance()
    return [job.state for job in fake.jobs.all.values()]


def test_a_revert_after_a_failed_rollout_leaves_the_old_one_serving(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, four, five = MiniEngine(), declare(epochs=4), declare(epochs=5)
    assert engine.up(four).ok
    fake.world.operation_faults.append(OperationFault("serving.deploy", 9))
    failed = engine.up(five)
    assert list(failed.failed) == ["deployed"]
    assert serving(fake, four) == [(model_id(four), 100)], "the old one serves on"
    assert any(entry.pending for entry in engine.state), "old resources wait for their deletion"

    assert engine.up(four).ok

    assert serving(fake, four) == [(model_id(four), 100)]
    assert states(fake) == [JobState.SUCCEEDED, JobState.SUCCEEDED], "nothing was paid for again"
    assert not any(entry.pending for entry in engine.state)
    assert engine.up(four).quiet


def test_a_revert_while_the_new_tuning_runs_cancels_it_and_keeps_the_old(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    four, five = (declare(epochs=n, service={"wait": False}) for n in (4, 5))
    for _ in range(9):
        engine.up(four)
        fake.clock.sleep(60)
    assert serving(fake, four) == [(model_id(four), 100)]
    engine.up(five)
    assert states(fake) == [JobState.SUCCEEDED, JobState.WAITING]
    assert serving(fake, four) == [(model_id(four), 100)], "it serves until the new one can"

    assert engine.up(four).ok
    fake.clock.sleep(10)

    assert states(fake) == [JobState.SUCCEEDED, JobState.CANCELLED]
    assert serving(fake, four) == [(model_id(four), 100)]


@pytest.mark.parametrize("rollout", ["side_by_side", "recreate"])
@pytest.mark.parametrize(
    "names",
    [("job",), ("model",), ("endpoint",), ("deployed",), ("job", "model", "endpoint", "deployed")],
    ids="+".join,
)
def test_replacing_by_hand_under_the_same_id_deletes_nothing_alive(
    fake: FakeVertex, declare: Declare, names: tuple[str, ...], rollout: str
) -> None:
    service = {"serving": {"rollout": rollout}, "delete_artifacts": True}
    engine, plan = MiniEngine(), declare(service=service)
    assert engine.up(plan).ok

    assert engine.up(plan, replace=names).ok

    assert serving(fake, plan) == [(model_id(plan), 100)]
    assert states(fake) == [JobState.SUCCEEDED]
    assert plan.tuning is not None
    assert fake.storage.is_model(plan.tuning.artifacts_uri)
    assert engine.up(plan).quiet


def test_a_twin_of_another_stack_pays_nothing_and_outlives_the_owner(
    fake: FakeVertex, declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here, there = declare("dev"), declare("prod")
    assert mine.up(here).ok
    assert theirs.up(there).ok
    assert states(fake) == [JobState.SUCCEEDED], "the second stack uses the first one's weights"

    assert mine.destroy().ok

    assert serving(fake, here) == []
    assert serving(fake, there) == [(model_id(there), 100)]
    assert theirs.up(there).quiet


def test_the_destroyed_twin_leaves_the_owner_alone(fake: FakeVertex, declare: Declare) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here, there = (declare(stack, service={"delete_artifacts": True}) for stack in ("dev", "prod"))
    assert mine.up(here).ok
    assert theirs.up(there).ok

    assert theirs.destroy().ok

    assert serving(fake, here) == [(model_id(here), 100)]
    assert here.tuning is not None
    assert fake.storage.is_model(here.tuning.artifacts_uri), "weights that serve elsewhere are kept"


def test_the_destroyed_owner_leaves_the_weights_to_its_twin(fake: FakeVertex, declare: Declare) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here, there = (declare(stack, service={"delete_artifacts": True}) for stack in ("dev", "prod"))
    assert mine.up(here).ok
    assert theirs.up(there).ok

    assert mine.destroy().ok

    assert there.tuning is not None
    assert fake.storage.is_model(there.tuning.artifacts_uri)
    assert theirs.destroy().ok
    assert not fake.storage.is_model(there.tuning.artifacts_uri), "the last one takes them away, as asked"


def test_a_running_job_that_a_twin_waits_for_is_not_cancelled_with_its_owner(
    fake: FakeVertex, declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here, there = (declare(stack, service={"wait": False}) for stack in ("dev", "prod"))
    mine.up(here)
    theirs.up(there)

    assert mine.destroy().ok
    fake.clock.sleep(10)
    assert states(fake) == [JobState.RUNNING]

    assert theirs.destroy().ok
    fake.clock.sleep(10)
    assert states(fake) == [JobState.CANCELLED], "the heir cancels it when it goes too"


def test_after_destroy_a_succeeded_job_is_taken_over_without_paying_again(
    fake: FakeVertex, declare: Declare
) -> None:
    first, plan = MiniEngine(), declare()
    assert first.up(plan).ok
    assert first.destroy().ok

    other = MiniEngine()
    assert other.up(declare("prod")).ok
    assert states(fake) == [JobState.SUCCEEDED]


def test_after_destroy_of_a_running_job_the_same_is_tuned_anew(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": False})
    engine.up(plan)
    assert engine.destroy().ok
    fake.clock.sleep(10)
    assert states(fake) == [JobState.CANCELLED]

    assert MiniEngine().up(declare()).ok
    assert states(fake) == [JobState.CANCELLED, JobState.SUCCEEDED]


def test_an_adopted_job_and_its_weights_are_never_touched(fake: FakeVertex, declare: Declare) -> None:
    other, given = MiniEngine(), declare("other")
    assert other.up(given).ok
    job = other.outputs("job")["job"]
    engine = MiniEngine()
    service = {"adopt_job": job, "delete_artifacts": True, "output_uri": "gs://test-bucket/elsewhere"}

    assert engine.up(declare(service=service)).ok
    assert engine.destroy().ok

    assert states(fake) == [JobState.SUCCEEDED]
    assert given.tuning is not None
    assert fake.storage.is_model(given.tuning.artifacts_uri)


@pytest.mark.parametrize("field", ["project", "region"])
def test_a_move_leaves_nothing_behind_that_bills(fake: FakeVertex, declare: Declare, field: str) -> None:
    elsewhere = {"project": "other-project", "region": "us-west1"}[field]
    engine, before = MiniEngine(), declare()
    assert engine.up(before).ok

    after = declare(service={field: elsewhere})
    assert engine.up(after).ok

    assert serving(fake, before) == []
    assert serving(fake, after) == [(model_id(after), 100)]


def kept(said: list[str]) -> list[str]:
    return [line.partition("used by ")[2] for line in said if line.startswith("warning: delete_artifacts")]


def test_weights_that_another_service_serves_are_not_deleted_and_it_is_told(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here = declare(service={"delete_artifacts": True, "serve": False})
    assert mine.up(here).ok
    assert here.tuning is not None
    weights = here.tuning.artifacts_uri
    given = ServiceSpec(
        name="given", project=PROJECT, region=REGION, output_uri=OUTPUT, artifacts_uri=weights
    )
    there = planned(given)
    assert theirs.up(there).ok

    assert mine.destroy().ok

    assert kept(said) == ["a deployment of tests/dev/given"]
    assert fake.storage.is_model(weights)
    assert serving(fake, there) == [(model_id(there), 100)]


def test_weights_that_a_running_tuning_goes_on_from_are_not_deleted(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here = declare(service={"delete_artifacts": True, "serve": False})
    assert mine.up(here).ok
    assert here.tuning is not None
    weights = here.tuning.artifacts_uri
    further = declare(service={"name": "further", "wait": False, "serve": False}, custom_base_model=weights)
    theirs.up(further)

    assert mine.destroy().ok

    assert kept(said) == ["a tuning of tests/dev/further"]
    assert fake.storage.is_model(weights)
    assert mine.up(here).ok
    fake.clock.sleep(600)
    assert theirs.up(further).ok
    assert mine.destroy().ok
    assert not fake.storage.is_model(weights), "what has ended needs them no more"


def test_weights_that_another_stack_reads_are_not_deleted_and_it_is_told(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    assert mine.up(declare("dev", service={"delete_artifacts": True})).ok
    assert theirs.up(declare("prod")).ok

    assert mine.destroy().ok

    assert kept(said) == ["tests/prod/tickets"]


def test_an_heir_that_was_killed_before_its_state_knew_leaves_the_line_with_destroy(
    fake: FakeVertex, declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    here, there = (declare(stack, service={"wait": False}) for stack in ("dev", "prod"))
    mine.up(here)
    fake.fault("jobs.get", Crash())
    with pytest.raises(Crash):
        theirs.up(there)
    assert theirs.live("job") is None

    assert theirs.destroy().ok
    assert mine.destroy().ok
    fake.clock.sleep(10)

    assert states(fake) == [JobState.CANCELLED], "nobody inherits a job that nobody waits for"


def test_who_joins_while_the_owner_leaves_inherits(fake: FakeVertex, declare: Declare) -> None:
    mine, plan = MiniEngine(), declare(service={"serve": False})
    assert mine.up(plan).ok
    assert plan.tuning is not None
    claims = fake.context_for(OUTPUT).claims
    key = f"TuningJob/{plan.tuning.fingerprint}"
    seen = claims.read(key, "")
    assert seen is not None
    claims.take(key, "tests/prod/tickets", "theirs")

    with pytest.raises(ClaimChanged):
        claims.delete(seen)

    assert mine.destroy().ok
    held = claims.read(key, "theirs")
    assert held is not None
    assert held.ours, "a claim is passed on, never pulled away under an heir"


def test_after_its_weights_were_deleted_as_asked_the_same_is_tuned_anew(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(service={"delete_artifacts": True})
    assert engine.up(plan).ok
    assert engine.destroy().ok
    assert plan.tuning is not None
    assert not fake.storage.is_model(plan.tuning.artifacts_uri)

    again = engine.up(plan)

    assert again.ok, again.failed
    assert states(fake) == [JobState.SUCCEEDED, JobState.SUCCEEDED]


@pytest.mark.parametrize("how", ["refreshed", "destroyed and made again"])
def test_weights_outlive_the_record_of_their_job(fake: FakeVertex, declare: Declare, how: str) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    assert plan.tuning is not None
    job = engine.outputs("job")["job"]
    if how == "refreshed":
        fake.jobs.all.clear()
        engine.refresh()
    else:
        assert engine.destroy().ok
        fake.jobs.all.clear()

    assert engine.up(plan).ok

    assert states(fake) == [], "nothing is paid for again"
    assert engine.outputs("model")["artifacts_uri"] == plan.tuning.artifacts_uri
    assert engine.outputs("model")["job"] == job
    assert serving(fake, plan) == [(model_id(plan), 100)]
    assert engine.up(plan).quiet


def test_weights_that_went_with_their_job_are_lost_and_not_paid_for_again(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(service={"serve": False})
    assert engine.up(plan).ok
    fake.jobs.all.clear()
    fake.storage.objects = {uri: blob for uri, blob in fake.storage.objects.items() if "/.claims/" in uri}
    engine.refresh()

    assert "is gone, and so are its weights" in engine.up(plan).failed["model"]

    assert states(fake) == []


KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"


@pytest.mark.parametrize(
    "edit",
    [{"service": {"serving": {"private_service_connect": ["other-project"]}}}, {"kms_key": KEY}],
    ids=["private service connect", "a key of one's own"],
)
def test_what_an_endpoint_has_for_life_makes_another_one_and_callers_are_told(
    fake: FakeVertex, said: list[str], declare: Declare, edit: dict[str, Any]
) -> None:
    engine, before, after = MiniEngine(), declare(), declare(**edit)
    assert engine.up(before).ok

    assert engine.up(after).ok

    assert [site.split("/")[-1] for site in fake.serving.sites] == [str(after.endpoint_name).split("/")[-1]]
    assert serving(fake, after) == [(model_id(after), 100)]
    told = f"warning: callers get a new endpoint: {after.endpoint_name}, not {before.endpoint_name}"
    assert told in said
    assert states(fake) == [JobState.SUCCEEDED], "nothing is tuned again"
    assert engine.up(after).quiet


def test_replacing_readiness_by_hand_cancels_no_job_that_runs(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": False})
    assert engine.up(plan).ok

    assert engine.up(plan, replace=("readiness",)).ok
    fake.clock.sleep(10)

    assert states(fake) == [JobState.RUNNING]
