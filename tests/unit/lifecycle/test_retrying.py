"""Jobs that fail: which are run again, how often, and what the user reads."""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from tests.support.fake import Crash, FakeVertex, Fault
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import JobState
from vertex_tuning.vertex.errors import InvalidRequest, Transient

Declare = Callable[..., ServicePlan]
FIRE = (13, "the data centre is on fire")
TWICE = {"attempts": 2}


def states(fake: FakeVertex) -> list[JobState]:
    fake.world.advance()
    return [job.state for job in fake.jobs.all.values()]


def at_once(fake: FakeVertex) -> int:
    """The most jobs that ever waited or ran at the same time."""
    spans = [(job.created, job.ended or fake.clock.time()) for job in fake.jobs.all.values()]
    return max(sum(begun <= at < end for begun, end in spans) for at, _ in spans)


CASES: list[tuple[int, dict[str, Any] | None, int, str]] = [
    (13, None, 1, "without a policy nothing is paid for twice"),
    (13, {"attempts": 3}, 3, "INTERNAL may pass"),
    (14, {"attempts": 2}, 2, "so may UNAVAILABLE"),
    (8, {"attempts": 2}, 2, "and RESOURCE_EXHAUSTED: the machines were others'"),
    (8, {"attempts": 2, "on": ["internal"]}, 1, "unless the policy leaves it out"),
    (3, {"attempts": 5}, 1, "INVALID_ARGUMENT stays wrong"),
    (9, {"attempts": 5}, 1, "FAILED_PRECONDITION too"),
    (1, {"attempts": 5}, 1, "CANCELLED was someone's wish"),
    (0, {"attempts": 5}, 1, "a failure without a code is nobody's promise"),
]


@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
@pytest.mark.parametrize(("code", "retry", "jobs", "why"), CASES, ids=[case[3] for case in CASES])
def test_how_many_jobs_a_lasting_failure_costs(
    fake: FakeVertex,
    declare: Declare,
    code: int,
    retry: dict[str, Any] | None,
    jobs: int,
    why: str,
    *,
    wait: bool,
) -> None:
    fake.jobs.failing = [(code, "no")] * 9
    engine, plan = MiniEngine(), declare(retry=retry, service={"wait": wait})
    for _ in range(1 if wait else 12):
        ran = engine.up(plan)
        fake.clock.sleep(0 if wait else 60)

    assert states(fake) == [JobState.FAILED] * jobs, why
    assert "failed: no" in ran.failed["model"], "Google's own words, whoever tried how often"
    assert at_once(fake) == 1
    assert engine.up(plan).failed.keys() == {"model", "deployed"}
    assert len(fake.jobs.all) == jobs, "and another up pays for nothing"


def test_what_passes_is_told_and_served(fake: FakeVertex, said: list[str], declare: Declare) -> None:
    fake.jobs.failing = [FIRE]
    engine, plan = MiniEngine(), declare(retry=TWICE)

    assert engine.up(plan).ok

    assert states(fake) == [JobState.FAILED, JobState.SUCCEEDED]
    failed, second = fake.jobs.all
    assert any(line.startswith("may pay for the tuning again if it fails (") for line in said), "beforehand"
    assert (
        f"warning: tuning job {failed} failed (internal: {FIRE[1]}) and is followed by job 2 of at most 2, "
        "which is paid for again; price unknown"
    ) in said
    assert engine.outputs("model")["job"] == second
    assert engine.up(plan).quiet
    engine.refresh()
    assert engine.outputs("job")["job"] == second
    assert engine.up(plan).quiet
    assert engine.destroy().ok


def test_without_waiting_the_preview_says_that_another_one_follows(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    fake.jobs.failing = [FIRE]
    engine, plan = MiniEngine(), declare(retry=TWICE, service={"wait": False})
    engine.up(plan)
    fake.clock.sleep(60)
    said.clear()

    ran = engine.up(plan)

    assert ran.ok, ran.failed
    assert any("is followed by job 2 of at most 2" in line for line in said)
    assert states(fake) == [JobState.FAILED, JobState.WAITING]
    for _ in range(5):
        fake.clock.sleep(60)
        assert engine.up(plan).ok
    assert engine.up(plan).quiet


@pytest.mark.parametrize("then", ["up", "destroy"])
@pytest.mark.parametrize("lag", [0.0, 100.0], ids=["lists are current", "lists lag, less than the grace"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_it_never_pays_more_often(
    declare: Declare, *, after: bool, lag: float, then: str
) -> None:
    from tests.support.declared import BUCKET
    from tests.support.fake import plugged

    plan = declare(retry=TWICE, service={"serve": False})
    for call in count(1):
        fake, engine = FakeVertex(BUCKET), MiniEngine()
        fake.jobs.lag, fake.jobs.failing, fake.jobs.pending_seconds = lag, [FIRE], 0.1
        fake.jobs.training_seconds = 1.0
        with plugged(fake):
            fault = Fault("*", Crash(), after=after, nth=call)
            fake.world.faults.append(fault)
            with suppress(Crash):
                engine.up(plan)
                assert call > 30
                return
            fake.world.faults.clear()
            if then == "destroy":
                assert engine.destroy().ok
                fake.clock.sleep(600)
                assert all(state.ended for state in states(fake)), call
                continue
            ran = engine.up(plan)
            assert ran.ok, (call, ran.failed)
            assert states(fake) == [JobState.FAILED, JobState.SUCCEEDED], call
            assert engine.up(plan).quiet


def test_a_lost_answer_to_the_second_submission_is_found_by_a_label_of_its_own(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.failing, fake.jobs.lag = [FIRE], 100.0
    fake.fault("jobs.create", Transient("the line went dead"), nth=2, after=True)

    assert MiniEngine().up(declare(retry=TWICE)).ok

    assert states(fake) == [JobState.FAILED, JobState.SUCCEEDED]


def test_a_refused_second_submission_stays_to_be_made(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.failing = [FIRE]
    fake.fault("jobs.create", InvalidRequest("the data are gone"), nth=2)
    engine, plan = MiniEngine(), declare(retry=TWICE)

    assert "the data are gone" in engine.up(plan).failed["model"]
    engine.refresh()
    assert engine.up(plan).ok

    assert states(fake) == [JobState.FAILED, JobState.SUCCEEDED]


def test_a_policy_that_is_taken_back_in_between_leaves_the_failure(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.failing = [FIRE]
    fake.fault("jobs.create", InvalidRequest("no"), nth=2)
    engine = MiniEngine()
    engine.up(declare(retry=TWICE))
    engine.refresh()

    assert FIRE[1] in engine.up(declare()).failed["model"]

    assert states(fake) == [JobState.FAILED]


def test_a_policy_that_comes_after_the_failure_counts(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.failing = [FIRE]
    engine = MiniEngine()
    assert not engine.up(declare()).ok

    assert engine.up(declare(retry=TWICE)).ok

    assert states(fake) == [JobState.FAILED, JobState.SUCCEEDED]


def test_who_shares_a_tuning_does_not_pay_for_its_owner(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.failing = [FIRE]
    mine, theirs = MiniEngine(), MiniEngine()
    mine.up(declare("dev", service={"wait": False}))
    theirs.up(declare("prod", service={"wait": False}, retry=TWICE))
    fake.clock.sleep(60)

    theirs.up(declare("prod", service={"wait": False}, retry=TWICE))

    assert states(fake) == [JobState.FAILED]
