"""SIGKILL in a rollout: what is declared next serves alone, and nothing bills or is paid for beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from tests.support.cloud import Cloud
from tests.support.kill import (
    Calls,
    Ending,
    Point,
    Victim,
    When,
    killed,
    owned_endpoints,
    resources,
    summary,
)
from tests.support.kill_stage import Stage, folder_of, stage_fixture
from tests.support.stack import Workspace
from vertex_tuning.lifecycle.orphaned import Orphan

pytestmark = pytest.mark.engine

PROJECT = "rollout"
REGISTER = Calls(1, "POST", r"/models:upload(\?|$)")
DEPLOY = Calls(1, "POST", r":deployModel(\?|$)")
TRAFFIC = Calls(1, "PATCH", r"/endpoints/")
UNDEPLOY = Calls(1, "POST", r":undeployModel(\?|$)")

stage = stage_fixture()


class Declared(NamedTuple):
    """What a service's stack file says."""

    rollout: str = "side_by_side"
    spot: bool = False
    epochs: int = 1


PLAIN, SPOT, LONGER = Declared(), Declared(spot=True), Declared(epochs=2)
RECREATE, RECREATE_SPOT = Declared("recreate"), Declared("recreate", spot=True)


@dataclass
class Service:
    """The one service; `at` is what it was brought to, unless a point has left it otherwise."""

    stage: Stage
    at: Declared | None = None
    undisturbed: dict[Declared, list[dict[str, Any]]] = field(default_factory=dict)

    def declare(self, wanted: Declared) -> Cloud:
        """Write the stack file."""
        serving = {"rollout": wanted.rollout, "spot": wanted.spot}
        return self.stage.declare(PROJECT, epochs=wanted.epochs, serving=serving)

    def bring_to(self, wanted: Declared) -> None:
        """Run an `up` that nobody disturbs, if one is needed."""
        if self.at == wanted:
            return
        workspace = self.stage.workspace
        self.declare(wanted)
        if self.at is None:
            # A point that failed may have left anything, a lock too.
            workspace.run("cancel", "--yes")
        ran = workspace.up(*([] if self.at else ["--refresh"]))
        assert ran.ok, ran.text
        self.at = wanted


@pytest.fixture(scope="module")
def service(stage: Stage) -> Service:
    """All weights are there, and how the state looks with each declaration is known."""
    service = Service(stage)
    # In this order, two of the five change nothing that is deployed.
    for each in (SPOT, RECREATE_SPOT, LONGER, RECREATE, PLAIN):
        service.bring_to(each)
        service.undisturbed[each] = summary(stage.workspace, PROJECT)
    return service


def struck(service: Service, old: Declared, new: Declared, point: Point) -> bool:
    """Kill a rollout, take it up again or go back, and look; whether the call came at all."""
    service.bring_to(old)
    workspace, emulator = service.stage.workspace, service.stage.emulator
    service.at = None
    cloud = service.declare(new)
    if killed(workspace, emulator, point) is None:
        service.at = new
        return False
    cancelled = workspace.run("cancel", "--yes")
    assert cancelled.ok, cancelled.text
    assert cloud.endpoints().keys() == owned_endpoints(workspace), "what bills has an owner at every moment"
    if point.ending == "destroy":
        destroyed = workspace.destroy()
        assert destroyed.ok, destroyed.text
        assert cloud.endpoints() == {}
        assert left_over(cloud, []) == []
    else:
        wanted = new if point.ending == "up" else old
        service.declare(wanted)
        taken_up(service.stage, cloud)
        assert summary(workspace, PROJECT) == service.undisturbed[wanted]
        assert left_over(cloud, resources(workspace)) == []
        service.at = wanted
    assert cloud.submitted_twice() == []
    assert cloud.active() == []
    return True


def taken_up(stage: Stage, cloud: Cloud) -> None:
    """One `up`, and the declared model serves alone, after an edit back too."""
    ran = stage.workspace.up()
    assert ran.ok, ran.text
    [declared] = declared_models(stage.workspace)
    assert cloud.serving() == [(declared, 100)]


def left_over(cloud: Cloud, held: list[dict[str, Any]]) -> list[Orphan]:
    """What doctor finds that no resource of these stands for, claims too."""
    return cloud.orphans(held) + cloud.forgotten(folder_of(PROJECT), held)


def declared_models(workspace: Workspace) -> list[str]:
    """Ids of the registered models that the state has deployed and does not want to be rid of."""
    return [
        resource["inputs"]["model_id"]
        for resource in resources(workspace)
        if resource["type"].endswith("vertex:DeployedModel") and not resource.get("delete")
    ]


class Case(NamedTuple):
    """A point in the rollout of `new` where `old` serves."""

    old: Declared
    new: Declared
    at: Calls
    when: When
    victim: Victim
    ending: Ending


ALONE, BOTH = Victim.ENGINE, Victim.BOTH
# Each begins where the one before has ended, so that no `up` is spent on its beginning.
SPREAD = {
    "the new model is about to be registered": Case(PLAIN, SPOT, REGISTER, "before", ALONE, "up"),
    "machines start and no claim names the operation": Case(SPOT, PLAIN, DEPLOY, "after", BOTH, "revert"),
    "the new one answers and the state does not know it": Case(SPOT, PLAIN, TRAFFIC, "after", BOTH, "revert"),
    "both bill and the old one answers nobody": Case(SPOT, PLAIN, UNDEPLOY, "before", BOTH, "up"),
    "the old one goes and the state still has it": Case(PLAIN, SPOT, UNDEPLOY, "after", ALONE, "revert"),
    "other weights are about to answer": Case(PLAIN, LONGER, TRAFFIC, "before", ALONE, "revert"),
    "other weights answer": Case(PLAIN, LONGER, TRAFFIC, "after", ALONE, "up"),
    "machines start and nobody wants either any more": Case(LONGER, PLAIN, DEPLOY, "after", ALONE, "destroy"),
    "nobody answers and the state says that the old one does": Case(
        RECREATE, RECREATE_SPOT, UNDEPLOY, "after", BOTH, "revert"
    ),
    "the old one is gone and the new one starts": Case(RECREATE, RECREATE_SPOT, DEPLOY, "after", BOTH, "up"),
    "the old one is gone and the new one is about to answer": Case(
        RECREATE_SPOT, RECREATE, TRAFFIC, "before", ALONE, "destroy"
    ),
}


@pytest.mark.parametrize("case", SPREAD.values(), ids=[why.replace(" ", "-") for why in SPREAD])
def test_a_killed_rollout_is_taken_up_again(case: Case, service: Service) -> None:
    point = Point(case.at, case.when, case.victim, case.ending)
    assert struck(service, case.old, case.new, point), "the call never came"


ROWS: tuple[tuple[When, Victim, Ending], ...] = (
    ("before", ALONE, "up"),
    ("after", BOTH, "up"),
    ("before", BOTH, "revert"),
    ("after", ALONE, "revert"),
    ("before", ALONE, "destroy"),
    ("after", BOTH, "destroy"),
)
"""Every two of moment, victim and ending come together in one of these."""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("when", "victim", "ending"), ROWS)
@pytest.mark.parametrize(
    ("old", "new"), [(PLAIN, SPOT), (RECREATE, RECREATE_SPOT)], ids=["side_by_side", "recreate"]
)
def test_a_rollout_killed_at_every_change_in_turn(
    old: Declared,
    new: Declared,
    when: When,
    victim: Victim,
    ending: Ending,
    service: Service,
    record_property: Callable[[str, object], None],
) -> None:
    """Every call that changes something: between two of them, only looks are left out."""
    ran = 0
    for method in ("POST", "PATCH", "DELETE"):
        nth = 1
        while struck(service, old, new, Point(Calls(nth, method), when, victim, ending)):
            nth += 1
        ran += nth - 1
    record_property("kill_points", ran)
    print(f"{ran} kill points ran")
    assert ran > 8, "a rollout changes at least so much"
