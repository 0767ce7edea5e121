"""SIGKILL at a call to Google: what was paid for is found again, and nothing bills without an owner."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import pytest

from tests.support.cloud import Cloud
from tests.support.kill import (
    MAX_UPS,
    Calls,
    Ending,
    Point,
    Victim,
    When,
    brought_up,
    killed,
    owned_endpoints,
    summary,
)
from tests.support.kill_stage import Stage, stage_fixture

pytestmark = pytest.mark.engine

RECOVERED_UPS = 3
SUBMIT = Calls(1, "POST", r"/tuningJobs(\?|$)")
DEPLOY = Calls(1, "POST", r":(deploy|deployModel)(\?|$)")
TRAFFIC = Calls(1, "PATCH", r"/endpoints/")
NUMBERS = count(1)


stage = stage_fixture()
"""One stack for all points; how its state is when nobody disturbs it says `undisturbed`."""


def new_project(stage: Stage, *, wait: bool) -> Cloud:
    """Another project and folder: everything has to be made, the training too."""
    return stage.declare(f"kill-{next(NUMBERS):03}", wait=wait)


def trained(stage: Stage, *, wait: bool) -> Cloud:
    """The project in which a destroyed stack has left its weights."""
    return stage.declare("kill-000", wait=wait)


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody cut off."""

    state: list[dict[str, Any]]
    calls: int
    ups: int


@pytest.fixture(scope="module")
def undisturbed(stage: Stage) -> dict[bool, Undisturbed]:
    """For both wait modes; the weights that they leave are what later points find."""
    found = {}
    for wait in (True, False):
        cloud = trained(stage, wait=wait)
        since = stage.emulator.admin.last_request()
        ran = brought_up(stage.workspace, MAX_UPS)
        calls = stage.emulator.admin.last_request() - since
        found[wait] = Undisturbed(summary(stage.workspace, cloud.project), calls, len(ran))
        assert all(run.ok for run in ran), ran[-1].text
        assert len(cloud.jobs()) == 1
        assert stage.workspace.destroy().ok
        print(f"undisturbed, wait {wait}: {calls} calls in {len(ran)} up")
    return found


def struck(
    stage: Stage, undisturbed: dict[bool, Undisturbed], point: Point, *, wait: bool, fresh: bool
) -> bool:
    """Kill, take up again, and look; whether the call came at all."""
    cloud = (new_project if fresh else trained)(stage, wait=wait)
    workspace = stage.workspace
    found = killed(workspace, stage.emulator, point)
    cancelled = workspace.run("cancel", "--yes")
    assert cancelled.ok or found is None, cancelled.text
    assert all(
        endpoint in owned_endpoints(workspace) for endpoint, models in cloud.endpoints().items() if models
    ), "what bills by the hour belongs to an endpoint in the state at every moment"
    if point.ending == "up":
        most = RECOVERED_UPS if wait else undisturbed[wait].ups + RECOVERED_UPS
        ran = brought_up(workspace, most)
        assert ran[-1].ok, ran[-1].text
        assert summary(workspace, cloud.project) == undisturbed[wait].state
        assert len(cloud.jobs()) == 1
        assert [len(models) for models in cloud.endpoints().values()] == [1]
        assert cloud.endpoints().keys() <= owned_endpoints(workspace)
    destroyed = workspace.destroy()
    assert destroyed.ok, destroyed.text
    assert cloud.submitted_twice() == []
    assert cloud.active() == []
    left = cloud.endpoints()
    assert all(models == [] for models in left.values()), "no machines"
    assert len(left) <= (0 if point.ending == "up" else 1)
    assert cloud.left_behind() == set(left), "doctor finds it"
    if found is not None:
        stage.struck += 1
        print(f"killed {point.victim}; the provider was gone after {found[1]:.2f} s")
    return found is not None


class Case(NamedTuple):
    """A point, whether `up` waits, and whether there are no weights yet."""

    at: Calls
    when: When
    victim: Victim
    ending: Ending
    wait: bool = True
    fresh: bool = False


ALONE, BOTH = Victim.ENGINE, Victim.BOTH
SPREAD = {
    "nothing is in the state yet": Case(Calls(1), "before", ALONE, "destroy"),
    "readiness is being looked at": Case(Calls(4), "after", BOTH, "up"),
    "a job is about to be asked for": Case(SUBMIT, "before", BOTH, "up", fresh=True),
    "a job was made and no claim names it": Case(SUBMIT, "after", BOTH, "up", fresh=True),
    "a job was made that only a claim can find": Case(SUBMIT, "after", BOTH, "destroy", fresh=True),
    "the same, and the provider lives on for a moment": Case(SUBMIT, "after", ALONE, "destroy", fresh=True),
    "a job was made without waiting for it": Case(SUBMIT, "after", ALONE, "up", wait=False, fresh=True),
    "the job runs": Case(Calls(30), "before", ALONE, "destroy", fresh=True),
    "the job runs or has just ended": Case(Calls(24), "after", BOTH, "up", wait=False, fresh=True),
    "machines are about to be asked for": Case(DEPLOY, "before", BOTH, "destroy"),
    "machines start and no claim names the operation": Case(DEPLOY, "after", BOTH, "up"),
    "the same, and nobody wants them any more": Case(DEPLOY, "after", BOTH, "destroy"),
    "machines start without anyone waiting": Case(DEPLOY, "after", ALONE, "destroy", wait=False),
    "the endpoint has its traffic, the state does not say so": Case(TRAFFIC, "after", ALONE, "up"),
    "claims are being written": Case(Calls(12), "after", BOTH, "destroy", wait=False),
}


@pytest.mark.parametrize("case", SPREAD.values(), ids=[why.replace(" ", "-") for why in SPREAD])
def test_a_killed_run_is_taken_up_again(
    case: Case, stage: Stage, undisturbed: dict[bool, Undisturbed]
) -> None:
    point = Point(case.at, case.when, case.victim, case.ending)
    assert struck(stage, undisturbed, point, wait=case.wait, fresh=case.fresh), "the call never came"


def test_enough_points_ran(
    stage: Stage, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """Says how many; run alone it has nothing to say."""
    chosen = [item for item in request.session.items if item.name.startswith("test_a_killed_run")]
    record_property("kill_points", stage.struck)
    print(f"{stage.struck} kill points ran")
    assert stage.struck >= len(chosen)


ROWS: tuple[tuple[When, Victim, Ending], ...] = (
    ("before", ALONE, "up"),
    ("before", BOTH, "destroy"),
    ("after", BOTH, "up"),
    ("after", ALONE, "destroy"),
)
"""Every two of moment, victim and ending come together in one of these."""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("when", "victim", "ending"), ROWS)
@pytest.mark.parametrize("wait", [True, False])
def test_killed_at_every_call_in_turn(
    *,
    wait: bool,
    when: When,
    victim: Victim,
    ending: Ending,
    stage: Stage,
    undisturbed: dict[bool, Undisturbed],
    record_property: Callable[[str, object], None],
) -> None:
    """Every call until the job has been looked at; then, with its weights there, every call to the end.

    What lies between repeats the same looks at a job that runs.
    """
    new_project(stage, wait=wait)
    since = stage.emulator.admin.last_request()
    assert brought_up(stage.workspace, MAX_UPS)[-1].ok
    paths = [call["path"] for call in stage.emulator.admin.requests(since)]
    looks = [n for n, path in enumerate(paths, 1) if re.search(r"/tuningJobs/\d+$", path)]
    assert stage.workspace.destroy().ok

    def strike(nth: int, *, fresh: bool) -> bool:
        point = Point(Calls(nth), when, victim, ending)
        return struck(stage, undisturbed, point, wait=wait, fresh=fresh)

    ran = sum(strike(nth, fresh=True) for nth in range(1, looks[1] + 1))
    assert ran == looks[1]
    nth = 1
    while strike(nth, fresh=False):
        nth += 1
    ran += nth - 1
    record_property("kill_points", ran)
    print(f"{ran} kill points ran: {looks[1]} up to the job, {nth - 1} with its weights there")
    assert nth > 15, "a run that finds its weights asks at least so often"
