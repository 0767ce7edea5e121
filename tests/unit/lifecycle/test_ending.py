"""What is being undone cannot be joined: it is handed over whole, or it is over before anyone else begins."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from tests.support.declared import BUCKET, OUTPUT
from tests.support.fake import Crash, FakeVertex
from tests.support.mini_engine import MiniEngine, Ran
from vertex_tuning.lifecycle.process import Interrupted
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.claim import HeldClaim
from vertex_tuning.vertex.client import JobState

Declare = Callable[..., ServicePlan]
AT_ONCE: dict[str, Any] = {"wait": False}
KEPT: dict[str, Any] = {"serve": False, "delete_artifacts": True}


@pytest.fixture
def fake() -> FakeVertex:
    found = FakeVertex(BUCKET)
    found.jobs.training_seconds, found.jobs.quota = 5000.0, 5
    return found


@pytest.fixture
def mine() -> MiniEngine:
    return MiniEngine()


@pytest.fixture
def theirs() -> MiniEngine:
    return MiniEngine()


def claim(fake: FakeVertex, plan: ServicePlan) -> HeldClaim | None:
    assert plan.tuning is not None
    return fake.context_for(OUTPUT).claims.read(f"TuningJob/{plan.tuning.fingerprint}", "")


def meanwhile(service: Any, method: str, nth: int, run: Callable[[], object]) -> None:
    """Run something just before the nth call of a method from now on."""
    usual, left = getattr(service, method), [None] * nth

    def called(*given: Any, **named: Any) -> Any:
        if left:
            left.pop()
            if not left:
                run()
        return usual(*given, **named)

    setattr(service, method, called)


class Stopped(BaseException):
    """Ends an `up` at its first wait, as Ctrl-C does."""


def joins(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan) -> Callable[[], None]:
    """An `up` of a twin, on another machine: where it would wait, it is left waiting and run again later."""

    def stop(_seconds: float) -> None:
        raise Stopped

    def run() -> None:
        usual, fake.clock.sleep = fake.clock.sleep, stop  # type: ignore[method-assign]
        with suppress(Stopped):
            engine.up(plan)
        fake.clock.sleep = usual  # type: ignore[method-assign]

    return run


CALLS = [
    ("storage", "read"),
    ("storage", "write"),
    ("storage", "remove"),
    ("jobs", "get"),
    ("jobs", "cancel"),
]


@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize(("service", "method"), CALLS, ids=[".".join(call) for call in CALLS])
def test_a_twin_that_comes_at_any_call_of_the_owner_s_destroy_gets_a_job_that_goes_on(
    fake: FakeVertex,
    declare: Declare,
    mine: MiniEngine,
    theirs: MiniEngine,
    service: str,
    method: str,
    nth: int,
) -> None:
    there = declare("prod", service=AT_ONCE)
    assert mine.up(declare("dev", service=AT_ONCE)).ok
    meanwhile(getattr(fake, service), method, nth, joins(fake, theirs, there))

    assert mine.destroy().ok
    fake.clock.sleep(20)
    assert theirs.up(there).ok
    fake.clock.sleep(20)

    assert theirs.up(there).ok, "its job was not cancelled under it"
    name = theirs.outputs("job")["job"]
    running = [job.name for job in fake.jobs.all.values() if not job.state.ended and not job.cancelling]
    assert running == [name]
    assert theirs.destroy().ok
    fake.clock.sleep(20)
    fake.world.advance()
    assert {job.state for job in fake.jobs.all.values()} == {JobState.CANCELLED}


@pytest.mark.parametrize("nth", range(1, 12))
def test_a_twin_that_comes_at_any_read_of_a_claim_keeps_the_weights_or_makes_its_own(
    fake: FakeVertex, declare: Declare, mine: MiniEngine, theirs: MiniEngine, nth: int
) -> None:
    fake.jobs.training_seconds = 10.0
    there = declare("prod", service={"serve": False})
    assert mine.up(declare("dev", service=KEPT)).ok
    meanwhile(fake.storage, "read", nth, joins(fake, theirs, there))

    assert mine.destroy().ok
    assert theirs.up(there).ok

    assert fake.storage.is_model(theirs.outputs("model")["artifacts_uri"])


@pytest.mark.parametrize("then", ["destroyed again", "left dead"])
@pytest.mark.parametrize("call", ["jobs.cancel", "storage.remove"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_what_a_killed_destroy_left_is_finished_by_who_comes_next(
    fake: FakeVertex,
    declare: Declare,
    mine: MiniEngine,
    theirs: MiniEngine,
    *,
    call: str,
    after: bool,
    then: str,
) -> None:
    here, there = (declare(stack, service=AT_ONCE | {"serve": False}) for stack in ("dev", "prod"))
    assert mine.up(here).ok
    first = mine.outputs("job")["job"]
    fake.fault(call, Crash(), after=after, nth=2 if call == "storage.remove" else 1)
    with pytest.raises(Crash):
        mine.destroy()
    fake.world.faults.clear()
    held = claim(fake, here)
    assert held is None or held.claim.ending
    if then == "destroyed again":
        assert mine.destroy().ok

    began = fake.clock.time()
    assert theirs.up(there).ok

    assert fake.clock.time() - began <= 2 * fake.connection.grace_seconds + fake.connection.poll_seconds
    fake.world.advance()
    runs_on = call == "jobs.cancel" and not after and then == "left dead"
    was = fake.jobs.all[first]
    assert (was.state is JobState.CANCELLED or was.cancelling) is not runs_on
    # What runs carries the other owner's label: it is taken over, not cancelled and paid for again.
    assert (theirs.outputs("job")["job"] == first) is runs_on
    assert mine.destroy().ok
    fake.clock.sleep(20)
    assert theirs.up(there).ok, "a late destroy of the old owner changes nothing"
    assert len([job for job in fake.jobs.all.values() if not job.state.ended]) == 1


def destroy_is_killed(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan) -> None:
    """Up, and a destroy that gets no further than to ask for the job's end."""
    assert engine.up(plan).ok
    fake.fault("jobs.cancel", Crash())
    with suppress(Crash):
        engine.destroy()


def test_an_owner_who_goes_on_after_a_killed_destroy_is_not_finished_by_a_twin(
    fake: FakeVertex, declare: Declare, mine: MiniEngine, theirs: MiniEngine
) -> None:
    here, there = declare("dev", service=AT_ONCE), declare("prod", service=AT_ONCE)
    destroy_is_killed(fake, mine, here)
    held = claim(fake, here)
    assert held is not None
    assert held.claim.ending

    assert mine.up(here).ok
    fake.clock.sleep(fake.connection.grace_seconds * 3)
    assert theirs.up(there).ok

    [job] = fake.jobs.all.values()
    assert not job.cancelling
    assert theirs.outputs("job")["job"] == job.name


def test_who_waits_for_it_to_be_over_and_is_told_to_end_says_that_nothing_bills(
    fake: FakeVertex, declare: Declare, mine: MiniEngine, theirs: MiniEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = declare("dev", service=AT_ONCE), declare("prod", service=AT_ONCE)
    destroy_is_killed(fake, mine, here)

    def told_to_end(_seconds: float) -> None:
        raise Interrupted("pulumi was interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(fake.clock, "sleep", told_to_end)
        failed = theirs.up(there).failed["job"]

    assert "Nothing that costs money is running" in failed
    assert "TuningJob" in failed
    assert theirs.up(there).ok, "it takes over what the killed destroy left running"
    assert theirs.outputs("job")["job"] == mine.outputs("job")["job"]


def ended_at_its_deadline(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan) -> Ran:
    fake.connection = msgspec.structs.replace(fake.connection, deadline=fake.clock.time() + 60)
    ran = engine.up(plan)
    fake.connection = msgspec.structs.replace(fake.connection, deadline=None)
    return ran


def test_a_deadline_ends_no_job_that_a_twin_has_just_joined(
    fake: FakeVertex, declare: Declare, mine: MiniEngine, theirs: MiniEngine
) -> None:
    there = declare("prod", service=AT_ONCE)
    sleep = fake.clock.sleep
    joined: list[int] = []

    def slept(seconds: float) -> None:
        sleep(seconds)
        if fake.clock.time() >= due and not joined:
            joined.append(1)
            meanwhile(fake.jobs, "get", 1, joins(fake, theirs, there))

    due = fake.clock.time() + 60
    fake.clock.sleep = slept  # type: ignore[method-assign]
    ran = ended_at_its_deadline(fake, mine, declare("dev", service={"serve": False}))

    assert "waits for it too" in ran.failed["model"]
    [job] = fake.jobs.all.values()
    assert not job.cancelling
