"""Whatever fails at whichever call: once the edit is taken back, or the stack destroyed, nothing bills that should not.

Each call that changes something outside fails in turn: refused without an effect, or not answered after it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import BUCKET
from tests.support.fake import FakeVertex, plugged
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import InvalidRequest, Unavailable

Declare = Callable[..., ServicePlan]
CHANGES = ("create", "deploy", "upload", "patch", "undeploy", "delete", "cancel", "write", "copy", "rescale")
PRIVATE = {"serving": {"private_service_connect": ["consumer-project"]}}
AS_ACCOUNT = {"serving": {"service_account": "server@test-project.iam.gserviceaccount.com"}}
MACHINE = {"machine_type": "g2-standard-8", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}
EDITS: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    # before (None: there is nothing yet), and what is declared when it fails
    "a first tuning and deployment": (None, {"epochs": 1}),
    "a first private endpoint": (None, {"service": PRIVATE}),
    "a first deployment by several calls": (None, {"service": AS_ACCOUNT}),
    "other weights": ({"epochs": 1}, {"epochs": 2}),
    "another machine": ({"epochs": 1}, {"service": {"serving": MACHINE}}),
    "the old one goes first": (
        {"service": {"serving": {"rollout": "recreate"}}},
        {"service": {"serving": {"rollout": "recreate"}}, "epochs": 2},
    ),
}
ERRORS = {"refused": InvalidRequest("no"), "not answered": Unavailable("no answer")}


class Bills:
    """What costs money at one moment."""

    def __init__(self, fake: FakeVertex) -> None:
        fake.world.advance()
        self.jobs = [j.name for j in fake.jobs.all.values() if not j.state.ended and not j.cancelling]
        endpoints = fake.serving.endpoints("test-project", "us-central1")
        self.deployed = [deployed.model for endpoint in endpoints for deployed in endpoint.deployed]


def changes_of(fake: FakeVertex) -> list[tuple[str, int]]:
    """The calls so far that change something, with how often each was made before."""
    seen: dict[str, int] = {}
    found = []
    for call in fake.world.calls:
        if call.partition(".")[2].startswith(CHANGES):
            seen[call] = seen.get(call, 0) + 1
            found.append((call, seen[call]))
    return found


@pytest.fixture(params=EDITS)
def edit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def begun(declare: Declare, edit: str) -> tuple[FakeVertex, MiniEngine, ServicePlan | None, ServicePlan]:
    """A stack before the edit."""
    before, after = EDITS[edit]
    fake, engine = FakeVertex(BUCKET), MiniEngine()
    first = declare(**before) if before is not None else None
    with plugged(fake):
        if first is not None:
            assert engine.up(first).ok
        fake.clock.sleep(300)
        fake.world.calls.clear()
    return fake, engine, first, declare(**after)


def settled(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan, case: str) -> None:
    """Bring a stack to its plan with `up --refresh`, as the error says; what is being undone may take one more."""
    for _ in range(3):
        engine.refresh()
        ran = engine.up(plan)
        fake.clock.sleep(600)
        if ran.ok:
            assert engine.up(plan).ok, case
            return
    raise AssertionError((case, ran.failed))


@pytest.mark.parametrize("error", ERRORS)
def test_nothing_bills_after_a_failure(declare: Declare, edit: str, error: str) -> None:
    fake, engine, first, wanted = begun(declare, edit)
    with plugged(fake):
        assert engine.up(wanted).ok
    calls = changes_of(fake)
    assert calls
    tried = 0
    for call, nth in calls:
        for ending in ("taken back", "destroyed"):
            fake, engine, first, wanted = begun(declare, edit)
            with plugged(fake):
                fake.fault(call, ERRORS[error], nth=nth, after=error == "not answered")
                engine.up(wanted)
                fake.world.faults.clear()
                case = f"{call} {nth} {error}, then {ending}"
                if ending == "taken back" and first is not None:
                    settled(fake, engine, first, case)
                    bills = Bills(fake)
                    assert len(bills.deployed) == 1, (case, bills.deployed)
                    assert not bills.jobs, (case, bills.jobs)
                for _ in range(2):
                    ran = engine.destroy()
                    fake.clock.sleep(600)
                assert ran.ok, (case, ran.failed)
                bills = Bills(fake)
                assert not bills.deployed, (case, bills.deployed)
                assert not bills.jobs, (case, bills.jobs)
            tried += 1
    assert tried > 4
