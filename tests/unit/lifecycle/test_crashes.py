"""The provider is killed at every call in turn: one job per fingerprint, and an owner for all that bills."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from tests.support.declared import BUCKET, PROJECT, REGION
from tests.support.fake import Crash, FakeVertex, Fault, plugged
from tests.support.mini_engine import MiniEngine
from vertex_tuning.lifecycle.orphaned import Known
from vertex_tuning.orphans import look
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import PermissionMissing, Transient

Declare = Callable[..., ServicePlan]
LEAST_CALLS = 10
"""Fewer than any run here makes: what was to be killed at every call did run."""


def quick() -> FakeVertex:
    """A Google that is done sooner, so that few of the calls are looks at what is under way."""
    fake = FakeVertex(BUCKET)
    fake.world.operation_seconds = fake.jobs.pending_seconds = 0.1
    fake.world.deploy_seconds = fake.jobs.training_seconds = 1.0
    return fake


def crashes(
    run: Callable[[FakeVertex, MiniEngine], object], *, after: bool
) -> Iterator[tuple[int, FakeVertex, MiniEngine]]:
    """Kill `run` at its first call, then at its second, and so on until it comes through."""
    for call in count(1):
        fake, engine = quick(), MiniEngine()
        fault = Fault("*", Crash(), after=after)
        with plugged(fake):
            fault.nth = call
            fake.world.faults.append(fault)
            try:
                run(fake, engine)
            except Crash:
                fake.world.faults.remove(fault)
                yield call, fake, engine
            else:
                assert call > LEAST_CALLS
                return


def billing(fake: FakeVertex) -> list[str]:
    """Everything that costs money by the hour or will, once what is under way has ended.

    A job ends by itself, so it is looked at before time goes by: what was not cancelled is paid for.
    """
    running = [job.name for job in fake.jobs.all.values() if not job.state.ended and not job.cancelling]
    fake.clock.sleep(3600)
    fake.world.advance()
    return running + [
        deployed.model for site in fake.serving.sites.values() for deployed in site.deployed.values()
    ]


@pytest.mark.parametrize("lag", [0.0, 100.0], ids=["lists are current", "lists lag, less than the grace"])
@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_and_brought_up_again(
    declare: Declare, *, after: bool, wait: bool, lag: float
) -> None:
    plan = declare(service={"wait": wait})

    def up(fake: FakeVertex, engine: MiniEngine) -> None:
        fake.jobs.lag = lag
        engine.up(plan)

    for call, fake, engine in crashes(up, after=after):
        for _ in range(1 if wait else 20):
            ran = engine.up(plan)
            assert ran.ok, (call, ran.failed)
            fake.clock.sleep(0 if wait else 60)
        assert engine.up(plan).quiet, call
        assert len(fake.jobs.all) == 1, call
        [site] = fake.serving.sites.values()
        [deployed] = site.deployed.values()
        assert site.traffic == {deployed.id: 100}, call
        assert deployed.model.rsplit("/", 1)[1] == plan.declared["deployed"]["model_id"], call
        assert engine.destroy().ok
        assert billing(fake) == [], call
        assert fake.serving.registered == {}, call


@pytest.mark.parametrize("rollout", ["side_by_side", "recreate"])
@pytest.mark.parametrize("then", ["goes on", "is reverted"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_rollout_killed_at_any_call(declare: Declare, *, after: bool, then: str, rollout: str) -> None:
    """What is declared serves, and nothing bills beside it, after one `up` that asks for no refresh."""
    old, new = (declare(epochs=n, service={"serving": {"rollout": rollout}}) for n in (1, 2))
    wanted = new if then == "goes on" else old

    def roll_out(fake: FakeVertex, engine: MiniEngine) -> None:
        with not_yet(fake):
            assert engine.up(old).ok
        engine.up(new)

    for call, fake, engine in crashes(roll_out, after=after):
        fake.clock.sleep(60)  # until an undeployment has ended, it shows as a deployment
        with plugged(fake):
            ran = engine.up(wanted)
        assert ran.ok, (call, ran.failed)
        fake.clock.sleep(3600)
        fake.world.advance()
        assert serving(fake) == model_id(wanted), call
        assert len(billing(fake)) == 1, call
        assert engine.up(wanted).quiet, call
        assert engine.destroy().ok
        assert billing(fake) == [], call
        assert fake.serving.registered == {}, call


def model_id(plan: ServicePlan) -> str:
    return str(plan.declared["deployed"]["model_id"])


def serving(fake: FakeVertex) -> str:
    """Id of the model with all the traffic; empty if there is none."""
    [site] = fake.serving.sites.values()
    answers = [deployed.model for id_, deployed in site.deployed.items() if site.traffic.get(id_) == 100]
    return answers[0].rsplit("/", 1)[1] if answers else ""


@pytest.mark.parametrize("lag", [0.0, 100.0], ids=["lists are current", "lists lag, less than the grace"])
@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_and_destroyed(declare: Declare, *, after: bool, wait: bool, lag: float) -> None:
    plan = declare(service={"wait": wait})

    def up(fake: FakeVertex, engine: MiniEngine) -> None:
        fake.jobs.lag = lag
        engine.up(plan)

    for call, fake, engine in crashes(up, after=after):
        gone = engine.destroy()
        assert gone.ok, (call, gone.failed)
        assert billing(fake) == [], call


@pytest.mark.parametrize("rollout", ["side_by_side", "recreate"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_rollout_killed_at_any_call_and_destroyed(declare: Declare, *, after: bool, rollout: str) -> None:
    """The state does not know the new deployment, whose claim goes with the endpoint."""
    old, new = (declare(epochs=n, service={"serving": {"rollout": rollout}}) for n in (1, 2))

    def roll_out(fake: FakeVertex, engine: MiniEngine) -> None:
        with not_yet(fake):
            assert engine.up(old).ok
        engine.up(new)

    for call, fake, engine in crashes(roll_out, after=after):
        fake.clock.sleep(60)
        gone = engine.destroy()
        assert gone.ok, (call, gone.failed)
        assert billing(fake) == [], call
        assert fake.serving.registered == {}, call
        assert [uri for uri in fake.storage.objects if ".claims/DeployedModel" in uri] == [], call


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_while_a_destroy_runs_and_destroyed_again(declare: Declare, *, after: bool) -> None:
    plan = declare()

    def destroy(fake: FakeVertex, engine: MiniEngine) -> None:
        with not_yet(fake):
            assert engine.up(plan).ok
        engine.destroy()

    for call, fake, engine in crashes(destroy, after=after):
        again = engine.destroy()
        assert again.ok, (call, again.failed)
        assert billing(fake) == [], call
        assert engine.state == []


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_destroy_that_failed_half_way_says_what_to_type(declare: Declare, *, after: bool) -> None:
    """A plain `up` asks nobody about what looks settled, so the line names the one that does."""
    plan, says = declare(), list[str]()
    for call in count(1):
        fake, engine = quick(), MiniEngine()
        with plugged(fake):
            assert engine.up(plan).ok
            fake.fault("*", PermissionMissing("denied."), after=after, nth=call)
            ran = engine.destroy()
            if ran.ok and fake.world.faults[0].matched < call:
                assert call > LEAST_CALLS
                break
            fake.world.faults.clear()
            says += ran.failed.values()
            fake.clock.sleep(60)  # what is being deleted cannot be made anew before it is gone
            engine.refresh()
            assert engine.up(plan).ok, (call, ran.failed)
            assert serving(fake) == model_id(plan), call
            assert engine.up(plan).quiet, call
    assert [line for line in says if "denied. The same command goes on with it" not in line] == []
    assert [line for line in says if "type `pulumi up --refresh`" not in line] == []


@contextmanager
def not_yet(fake: FakeVertex) -> Iterator[None]:
    """Let the calls in the block go well and uncounted."""
    faults, fake.world.faults = fake.world.faults, []
    yield
    fake.world.faults = faults


@pytest.mark.parametrize(
    ("lag", "jobs"),
    [
        pytest.param(0.0, 1, id="the list is current: the job is found at once"),
        pytest.param(119.0, 1, id="the list lags less than the grace: the job is found in time"),
        pytest.param(600.0, 2, id="beyond the grace nothing is left to find it by: it is paid for twice"),
    ],
)
def test_a_lost_answer_to_a_submission(fake: FakeVertex, declare: Declare, lag: float, jobs: int) -> None:
    fake.jobs.lag, fake.jobs.quota = lag, 2
    fake.fault("jobs.create", Transient("the line went dead"), after=True)
    engine = MiniEngine()

    assert engine.up(declare()).ok

    assert len(fake.jobs.all) == jobs


def test_beyond_the_grace_the_first_job_is_found_by_its_claim_after_all(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.lag, fake.jobs.training_seconds = 600.0, 3600.0
    fake.fault("jobs.create", Transient("the line went dead"), after=True)
    engine = MiniEngine()

    assert engine.up(declare()).ok, (
        "the quota of one holds the second submission back until the list shows it"
    )

    assert len(fake.jobs.all) == 1


def test_an_earlier_life_s_cancelled_job_is_not_taken_for_a_lost_submission(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    engine.up(declare(service={"wait": False}))
    assert engine.destroy().ok
    fake.clock.sleep(60)
    fake.fault("jobs.create", Transient("nobody home"))

    assert engine.up(declare()).ok

    assert len(fake.jobs.all) == 2, "the cancelled one, and the one that was asked for anew"


@pytest.mark.parametrize("then", ["up", "destroy"])
def test_machines_that_start_for_longer_than_the_grace_are_not_asked_for_again(
    fake: FakeVertex, declare: Declare, then: str
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(epochs=1)).ok
    fake.world.deploy_seconds = 900.0
    fake.fault("serving.deploy", Crash(), after=True)
    with suppress(Crash):
        engine.up(declare(epochs=2))

    if then == "destroy":
        assert engine.destroy().ok
        assert billing(fake) == []
    else:
        assert engine.up(declare(epochs=2)).ok
        assert len(billing(fake)) == 1
    assert fake.world.calls.count("serving.deploy") == 1


def killed_in_the_one_call(fake: FakeVertex, declare: Declare) -> MiniEngine:
    """The machines take longer than the grace, and the name of the operation that starts them is lost."""
    fake.world.operation_seconds, fake.world.deploy_seconds = 400.0, 400.0
    fake.fault("serving.deploy_weights", Crash(), after=True)
    engine = MiniEngine()
    with suppress(Crash):
        engine.up(declare())
    return engine


@pytest.mark.parametrize("then", ["up", "destroy"])
def test_a_one_call_deployment_is_waited_for_beyond_the_grace_while_its_operation_is_listed(
    fake: FakeVertex, declare: Declare, then: str
) -> None:
    engine = killed_in_the_one_call(fake, declare)
    if then == "up":
        assert engine.up(declare()).ok
        assert fake.world.calls.count("serving.deploy_weights") == 1
        assert len(billing(fake)) == 1
    assert engine.destroy().ok
    assert billing(fake) == []
    assert fake.serving.registered == {}


def test_a_deployment_that_shows_only_after_its_destroy_is_found_by_doctor(
    fake: FakeVertex, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = killed_in_the_one_call(fake, declare)
    monkeypatch.setattr(fake.serving, "under_way", lambda _endpoint: ())  # no list shows it in time
    assert engine.destroy().ok
    assert engine.state == []
    assert len(billing(fake)) == 1, "beyond what can be known"

    found = look(fake, PROJECT, REGION, Known(frozenset(), frozenset(), frozenset()))

    assert [orphan.kind for orphan in found] == ["deployed model", "endpoint", "model"]
    assert "by the hour" in found[0].bills
