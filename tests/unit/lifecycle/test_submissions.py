"""A tuning is asked for once and ended once: wherever, by whomever, and whatever is edited in between."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.declared import BUCKET, OUTPUT
from tests.support.fake import Crash, FakeVertex
from tests.support.fake_jobs import Tuning
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import Job
from vertex_tuning.vertex.errors import NoCapacity, QuotaExceeded, Transient

Declare = Callable[..., ServicePlan]
HOURS = 50_000.0
AT_ONCE: dict[str, Any] = {"wait": False}


@pytest.fixture
def fake() -> FakeVertex:
    """Jobs run for hours, and the quota holds none of them back."""
    found = FakeVertex(BUCKET, "other-bucket")
    found.jobs.training_seconds, found.jobs.quota = HOURS, 5
    return found


def bills(fake: FakeVertex) -> list[Tuning]:
    """The jobs that run and have not been told to end."""
    fake.world.advance()
    return [job for job in fake.jobs.all.values() if not job.state.ended and not job.cancelling]


def killed(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan, call: str = "jobs.create") -> None:
    """An `up` whose provider is killed after the call had its effect."""
    fake.fault(call, Crash(), after=True)
    with suppress(Crash):
        engine.up(plan)
    fake.world.faults.clear()


def again(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan, times: int = 3) -> None:
    for _ in range(times):
        ran = engine.up(plan)
        assert ran.ok, ran.failed
        fake.clock.sleep(60)


MOVES = [
    pytest.param({"region": "us-west1"}, id="another region"),
    pytest.param({"project": "other-project"}, id="another project"),
]


@pytest.mark.parametrize("moved", MOVES)
def test_a_killed_submission_is_found_where_it_was_made(
    fake: FakeVertex, declare: Declare, moved: dict[str, Any]
) -> None:
    engine = MiniEngine()
    killed(fake, engine, declare(service=AT_ONCE))

    again(fake, engine, declare(service=AT_ONCE | moved))

    assert len(fake.jobs.all) == 1
    assert engine.destroy().ok
    assert bills(fake) == []


@pytest.mark.parametrize("moved", MOVES)
def test_a_killed_submission_is_ended_where_it_was_made(
    fake: FakeVertex, declare: Declare, moved: dict[str, Any]
) -> None:
    engine = MiniEngine()
    killed(fake, engine, declare(service=AT_ONCE))
    fake.fault("jobs.labelled", Transient("the line went dead"), times=None)
    engine.up(declare(service=AT_ONCE | moved))
    fake.world.faults.clear()

    assert engine.destroy().ok
    assert bills(fake) == []


def test_a_twin_in_another_region_finds_a_killed_submission(fake: FakeVertex, declare: Declare) -> None:
    killed(fake, MiniEngine(), declare("dev", service=AT_ONCE))
    fake.clock.sleep(fake.connection.grace_seconds + 1)

    again(fake, MiniEngine(), declare("prod", service=AT_ONCE | {"region": "us-west1"}))

    assert len(fake.jobs.all) == 1


ELSEWHERE = {"output_uri": "gs://other-bucket/new"}
EDITS = [
    pytest.param({"epochs": 2}, {}, id="another tuning"),
    pytest.param({}, ELSEWHERE, id="another output folder"),
    pytest.param({"epochs": 2}, ELSEWHERE, id="both"),
]


@pytest.mark.parametrize("lag", [0.0, 100.0], ids=["lists are current", "lists lag"])
@pytest.mark.parametrize(("tuning", "service"), EDITS)
def test_what_a_killed_run_submitted_is_ended_when_something_else_is_wanted(
    fake: FakeVertex, declare: Declare, tuning: dict[str, Any], service: dict[str, Any], lag: float
) -> None:
    engine, edited = MiniEngine(), declare(service=AT_ONCE | service, **tuning)
    fake.jobs.lag, fake.jobs.quota = lag, 1
    killed(fake, engine, declare(service=AT_ONCE))

    again(fake, engine, edited, times=5)

    [job] = bills(fake)
    assert edited.tuning is not None
    assert job.request.output_uri == edited.tuning.job_output_uri, "and its place in the queue is free"
    assert engine.destroy().ok
    assert bills(fake) == []
    assert owned(fake) == []


def test_a_killed_rollout_that_is_reverted_leaves_no_job(fake: FakeVertex, declare: Declare) -> None:
    engine, one = MiniEngine(), declare(service=AT_ONCE)
    again(fake, engine, one)
    killed(fake, engine, declare(service=AT_ONCE, epochs=2))
    assert len(bills(fake)) == 2

    again(fake, engine, one)

    [job] = bills(fake)
    assert job.name == engine.outputs("job")["job"]


def test_a_killed_submission_that_is_still_wanted_outlives_another_edit(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    killed(fake, engine, declare(service=AT_ONCE))

    again(fake, engine, declare(service=AT_ONCE | {"serving": {"spot": True}}))

    assert len(bills(fake)) == len(fake.jobs.all) == 1


def test_a_job_that_the_state_holds_runs_until_pulumi_deletes_it(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    again(fake, engine, declare(service=AT_ONCE))
    fake.fault("jobs.create", QuotaExceeded("nothing free"))

    killed(fake, engine, declare(service=AT_ONCE, epochs=2), call="jobs.active")

    assert len(bills(fake)) == 1, "the edit may be reverted"
    again(fake, engine, declare(service=AT_ONCE))
    assert len(bills(fake)) == len(fake.jobs.all) == 1


STALE = [
    pytest.param("jobs.get", ("job",), id="a replacement by hand, cut off after the claim was renewed"),
    pytest.param("jobs.create", (), id="an update, cut off after it submitted anew"),
]


@pytest.mark.parametrize(("call", "replace"), STALE)
def test_a_token_that_no_state_holds_hides_no_job_from_the_next_edit(
    fake: FakeVertex, declare: Declare, call: str, replace: tuple[str, ...]
) -> None:
    engine, one = MiniEngine(), declare(service=AT_ONCE)
    again(fake, engine, one)
    if not replace:
        fake.storage.objects = {
            uri: kept for uri, kept in fake.storage.objects.items() if "/TuningJob/" not in uri
        }
        fake.jobs.all.clear()
        engine.refresh()
    fake.fault(call, Crash(), after=True)
    with suppress(Crash):
        engine.up(one, replace=replace)
    fake.world.faults.clear()

    again(fake, engine, declare(service=AT_ONCE, epochs=2))

    [job] = bills(fake)
    assert job.request.epochs == 2


def test_who_gets_in_line_while_a_job_is_submitted_does_not_hide_it(
    fake: FakeVertex, declare: Declare
) -> None:
    mine, theirs = MiniEngine(), MiniEngine()
    lost: list[str] = []
    fake.jobs.lag = 600.0
    create = fake.jobs.create

    def created(*given: Any) -> Job:
        job = create(*given)
        if not lost:
            lost.append(job.name)
            theirs.up(declare("prod", service=AT_ONCE))
        return job

    fake.jobs.create = created  # type: ignore[method-assign,assignment]
    for _ in range(5):
        assert mine.up(declare("dev", service=AT_ONCE)).ok
        fake.clock.sleep(60)

    assert list(fake.jobs.all) == lost
    assert mine.outputs("job")["job"] == lost[0]


def test_a_job_whose_claim_names_another_by_then_is_ended(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    plan, create = declare(service=AT_ONCE), fake.jobs.create
    assert plan.tuning is not None
    claims, key = fake.context_for(OUTPUT).claims, f"TuningJob/{plan.tuning.fingerprint}"

    def created(*given: Any) -> Job:
        first, late = create(*given), create(*given)
        held = claims.read(key, "")
        assert held is not None
        claims.note(held, resource=first.name, operation="")
        return late

    fake.jobs.create = created  # type: ignore[method-assign,assignment]
    engine = MiniEngine()
    assert engine.up(plan).ok

    [job] = bills(fake)
    assert engine.outputs("job")["job"] == job.name
    assert len([line for line in said if "cancelled the duplicate job" in line]) == 1


REFUSED = [QuotaExceeded("Quota exceeded for tuning jobs"), NoCapacity("out of capacity")]


@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
@pytest.mark.parametrize("lag", [0.0, 100.0], ids=["lists are current", "lists lag"])
@pytest.mark.parametrize("refused", REFUSED, ids=["quota", "capacity"])
def test_a_refusal_after_its_effect_makes_no_second_job(
    fake: FakeVertex, declare: Declare, *, refused: Exception, lag: float, wait: bool
) -> None:
    fake.jobs.lag = lag
    fake.jobs.training_seconds = 600.0
    fake.fault("jobs.create", refused, after=True)
    engine, plan = MiniEngine(), declare(service={"wait": wait, "serve": False})

    again(fake, engine, plan, times=1 if wait else 5)

    assert len(fake.jobs.all) == 1
    assert engine.outputs("job")["job"] in fake.jobs.all


@pytest.mark.parametrize("lag", [0.0, 100.0], ids=["lists are current", "lists lag"])
def test_a_destroy_after_such_a_refusal_ends_the_job(fake: FakeVertex, declare: Declare, lag: float) -> None:
    fake.jobs.lag = lag
    fake.fault("jobs.create", REFUSED[0], after=True)
    engine = MiniEngine()
    assert engine.up(declare(service=AT_ONCE)).ok

    assert engine.destroy().ok

    assert bills(fake) == []


def test_a_refused_job_says_why_it_waits_and_is_asked_for_again(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service=AT_ONCE)
    fake.fault("jobs.create", REFUSED[0])
    assert engine.up(plan).ok
    assert engine.up(plan).quiet, "not before every list has to show what there is"
    assert engine.outputs("job")["reason"].startswith("waits in line: Quota exceeded for tuning jobs")

    fake.clock.sleep(fake.connection.grace_seconds)
    assert engine.up(plan).changed

    assert len(fake.jobs.all) == 1


def owned(fake: FakeVertex) -> list[str]:
    """What still has an owner, below either output folder."""
    folders = (OUTPUT, ELSEWHERE["output_uri"])
    found = [held for folder in folders for held in fake.context_for(folder).claims.below("")]
    return [held.key for held in found if held.claim.owner]


def test_a_destroyed_service_that_moved_its_output_folder_leaves_no_claim(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.training_seconds = 10.0
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert engine.up(declare(service=ELSEWHERE)).ok

    assert engine.destroy().ok

    assert owned(fake) == []
    assert bills(fake) == []
