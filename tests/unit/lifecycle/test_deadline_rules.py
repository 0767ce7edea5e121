"""A deadline that passed is enforced by the first command after it, whatever became of the one that set it."""

from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest

from tests.support.fake import Crash, FakeVertex
from tests.support.mini_engine import MiniEngine, Ran
from tests.unit.lifecycle.test_crashes import crashes
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import JobState
from vertex_tuning.vertex.errors import Transient

Declare = Callable[..., ServicePlan]


def give(fake: FakeVertex, seconds: float | None) -> None:
    """From now on commands have a deadline, that many seconds away, or none."""
    moment = None if seconds is None else fake.clock.time() + seconds
    fake.connection = msgspec.structs.replace(fake.connection, deadline=moment)


def states(fake: FakeVertex) -> list[JobState]:
    fake.clock.sleep(1)
    fake.world.advance()
    return [job.state for job in fake.jobs.all.values()]


def deployed(fake: FakeVertex) -> list[str]:
    fake.clock.sleep(3600)
    fake.world.advance()
    return [model.model for site in fake.serving.sites.values() for model in site.deployed.values()]


def deadlines(fake: FakeVertex) -> list[float]:
    claims = [blob for uri, blob in fake.storage.objects.items() if "/.claims/" in uri]
    return [found for blob in claims if (found := msgspec.json.decode(blob.content)["deadline"])]


def asked_for(fake: FakeVertex) -> int:
    return sum(call in ("serving.deploy", "serving.deploy_weights") for call in fake.world.calls)


def failure(ran: Ran) -> str:
    [text] = [text for text in ran.failed.values() if text != "not reached"]
    return text


def slow_job(fake: FakeVertex) -> None:
    fake.jobs.training_seconds = 10_000.0


def slow_machines(fake: FakeVertex) -> None:
    fake.world.deploy_seconds = 1_500.0


@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
def test_what_is_ready_in_time_has_no_deadline_any_more(
    fake: FakeVertex, declare: Declare, *, wait: bool
) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": wait})
    give(fake, 3600)
    for _ in range(1 if wait else 10):
        assert engine.up(plan).ok
        fake.clock.sleep(60)
    give(fake, None)
    assert deadlines(fake) == []
    fake.clock.sleep(7200)
    assert engine.up(plan).quiet
    assert len(deployed(fake)) == 1


def test_a_command_that_waits_ends_at_the_deadline(fake: FakeVertex, declare: Declare) -> None:
    engine, plan, began = MiniEngine(), declare(), fake.clock.time()
    slow_job(fake)
    give(fake, 600)
    said = failure(engine.up(plan))
    assert fake.clock.time() - began == pytest.approx(600)
    assert said.startswith("DeadlinePassed: service tickets, TunedModel: the deadline of ")
    assert "was cancelled; what it has used is billed" in said
    assert states(fake) == [JobState.CANCELLED]

    again = failure(engine.up(plan))
    assert "was cancelled" in again
    assert "set attempt one higher" in again, "nothing is paid for a second time by itself"
    assert len(fake.jobs.all) == 1


def test_the_next_command_hears_it_when_the_first_is_dead(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": False})
    slow_job(fake)
    give(fake, 600)
    assert engine.up(plan).ok
    give(fake, None)

    fake.clock.sleep(300)
    assert engine.up(plan).ok, "it has not passed yet"
    fake.clock.sleep(300)
    live = engine.live("model")
    assert live is not None
    assert live.provider.diff(live.id, dict(live.outputs), dict(live.inputs)).changes
    assert "has passed: `pulumi up` cancels what is not ready" in said[-1], (
        "a preview tells, and changes nothing"
    )
    assert states(fake) == [JobState.RUNNING]

    assert "was cancelled" in failure(engine.up(plan))
    assert states(fake) == [JobState.CANCELLED]
    assert len(deadlines(fake)) == 1, "only the deployment, which was not reached, has one left"


def test_machines_that_do_not_serve_yet_are_taken_back(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare()
    slow_machines(fake)
    give(fake, 600)
    said = failure(engine.up(plan))
    assert "DeployedModel: the deadline of" in said
    assert "was undeployed; `pulumi up` deploys it again" in said
    assert deployed(fake) == []
    assert fake.serving.registered == {}
    assert states(fake) == [JobState.SUCCEEDED], "the weights are there and stay"

    give(fake, None)
    assert engine.up(plan).ok
    assert len(deployed(fake)) == 1
    assert len(fake.jobs.all) == 1


def test_what_serves_is_not_touched(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare(epochs=1)).ok
    [before] = deployed(fake)
    slow_machines(fake)
    give(fake, 600)
    assert "was undeployed" in failure(engine.up(declare(epochs=2)))
    assert deployed(fake) == [before], "the old model serves on"

    give(fake, 3600)
    fake.fault("serving.undeploy", Transient("the line went dead"))
    engine.up(declare(epochs=2))
    give(fake, None)
    fake.clock.sleep(3600)
    assert engine.up(declare(epochs=2)).ok, "the new one serves; taking the old one off is not held up"
    assert deployed(fake) != [before]


@pytest.mark.parametrize(
    ("first", "second", "ends"),
    [
        pytest.param(600, 6000, JobState.SUCCEEDED, id="a later word gives more time"),
        pytest.param(6000, 600, JobState.CANCELLED, id="an earlier one less"),
    ],
)
@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
def test_the_last_word_counts(
    fake: FakeVertex, declare: Declare, *, first: float, second: float, ends: JobState, wait: bool
) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": wait})
    fake.jobs.training_seconds = 3000.0
    give(fake, first)
    if wait:
        fake.fault("jobs.get", Crash(), nth=2)
    with suppress(Crash):
        assert engine.up(plan).ok
    give(fake, second)
    for _ in range(1 if wait else 50):
        if not engine.up(plan).ok:
            break
        fake.clock.sleep(0 if wait else 120)
    assert states(fake) == [ends]


def test_one_that_has_passed_is_enforced_before_another_counts(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": False})
    slow_job(fake)
    give(fake, 600)
    assert engine.up(plan).ok
    fake.clock.sleep(601)
    give(fake, 600)
    assert "was cancelled" in failure(engine.up(plan))
    assert states(fake) == [JobState.CANCELLED]


def test_nothing_is_started_after_the_deadline(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    give(fake, -1)
    assert "nothing was started" in failure(engine.up(declare()))
    assert fake.jobs.all == {}
    give(fake, None)
    assert engine.up(declare()).ok, "who asks again without a deadline gets it"


def test_a_place_in_line_is_given_up_at_the_deadline(fake: FakeVertex, declare: Declare) -> None:
    slow_job(fake)
    assert MiniEngine().up(declare(epochs=2, service={"wait": False, "name": "invoices"})).ok
    began = fake.clock.time()
    give(fake, 600)
    said = failure(MiniEngine().up(declare()))
    assert "TuningJob: the deadline of" in said
    assert "nothing was started" in said
    assert fake.clock.time() - began == pytest.approx(600)
    assert states(fake) == [JobState.RUNNING], "the job of the other service, which has no deadline"


def test_what_ended_by_itself_in_time_is_taken_up_where_it_stands(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": False})
    give(fake, 600)
    assert engine.up(plan).ok
    give(fake, None)
    fake.clock.sleep(601)
    for _ in range(4):
        assert engine.up(plan).ok, "the job has succeeded, and nothing else was under way"
        fake.clock.sleep(60)
    assert len(deployed(fake)) == 1
    assert deadlines(fake) == []


def test_another_stack_s_job_goes_on(fake: FakeVertex, declare: Declare) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    slow_job(fake)
    give(fake, 600)
    assert mine.up(declare("dev", {"wait": False})).ok
    give(fake, None)
    assert theirs.up(declare("prod", {"wait": False})).ok
    fake.clock.sleep(601)
    assert theirs.up(declare("prod", {"wait": False})).ok, "it is not their deadline"
    assert "goes on, because tests/prod/tickets waits for it too" in failure(
        mine.up(declare("dev", {"wait": False}))
    )
    assert states(fake) == [JobState.RUNNING]


def test_services_of_one_stack_that_share_a_job_share_the_deadline(
    fake: FakeVertex, declare: Declare
) -> None:
    one, two = MiniEngine(), MiniEngine()  # an engine is one service here
    slow_job(fake)
    give(fake, 600)
    assert one.up(declare(service={"wait": False})).ok
    assert two.up(declare(service={"wait": False, "name": "invoices"})).ok
    give(fake, None)
    fake.clock.sleep(601)
    assert "was cancelled" in failure(two.up(declare(service={"wait": False, "name": "invoices"})))
    assert states(fake) == [JobState.CANCELLED]


@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("slow", [slow_job, slow_machines], ids=["training", "deploying"])
def test_killed_at_any_call_and_nothing_that_was_under_way_bills_after_the_next_command(
    declare: Declare, *, after: bool, wait: bool, slow: Callable[[FakeVertex], None]
) -> None:
    plan = declare(service={"wait": wait})

    def up(fake: FakeVertex, engine: MiniEngine) -> None:
        slow(fake)
        give(fake, 100)
        for _ in range(1 if wait else 3):
            engine.up(plan)
            fake.clock.sleep(30)

    for call, fake, engine in crashes(up, after=after):
        give(fake, None)
        fake.clock.sleep(2000)
        jobs, asked = set(fake.jobs.all), asked_for(fake)
        ran = engine.up(plan)
        assert all(fake.jobs.all[name].cancelling or fake.jobs.all[name].state.ended for name in jobs), call
        if not ran.ok:
            heard = failure(ran)
            assert "DeadlinePassed" in heard or "was cancelled" in heard, (call, heard)
        if asked_for(fake) == asked:
            serving = [share for site in fake.serving.sites.values() for share in site.traffic.values()]
            assert deployed(fake) == [] or serving == [100], call


def test_a_job_that_failed_is_followed_by_none_after_the_deadline(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(retry={"attempts": 3}, service={"wait": False})
    fake.jobs.failing = [(14, "try later")]
    give(fake, 600)
    assert engine.up(plan).ok
    give(fake, None)
    fake.clock.sleep(601)
    assert "has failed, and no other was submitted; `pulumi up` goes on" in failure(engine.up(plan))
    assert len(fake.jobs.all) == 1
    assert engine.up(plan).ok
    assert len(fake.jobs.all) == 2, "who asks again without a deadline gets what the policy says"
