"""A run that is cut off in a rollout, and what is declared next: one deployment serves, and nothing else bills."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.declared import BUCKET, PROJECT, REGION
from tests.support.fake import Crash, FakeVertex
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_crashes import billing
from tests.unit.lifecycle.test_fences import model_id, serving
from vertex_tuning.lifecycle.process import Interrupted
from vertex_tuning.orphans import known, look
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import NoCapacity, PermissionMissing, QuotaExceeded, VertexError

Declare = Callable[..., ServicePlan]
OTHER = f"gs://{BUCKET}/other"

EDITS: dict[str, dict[str, Any]] = {
    "other weights": {"epochs": 2},
    "other machines, with no new tuning": {"service": {"serving": {"spot": True}}},
    "another folder": {"service": {"output_uri": OTHER}},
    "weights that are evaluated first": {
        "epochs": 2,
        "service": {
            "serving": {"evaluation": {"command": ["true"], "threshold": 0.5}},
        },
    },
}


def killed(fake: FakeVertex, _patch: pytest.MonkeyPatch) -> None:
    fake.fault("serving.deploy*", Crash(), after=True)


def ctrl_c(fake: FakeVertex, patch: pytest.MonkeyPatch) -> None:
    before, sleep = len(fake.world.calls), fake.clock.sleep

    def interrupted(seconds: float) -> None:
        if any(call.startswith("serving.deploy") for call in fake.world.calls[before:]):
            raise Interrupted("pulumi was interrupted")
        sleep(seconds)

    patch.setattr(fake.clock, "sleep", interrupted)


@pytest.mark.parametrize("cut_off", [killed, ctrl_c])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_back_takes_off_what_the_rollout_began(
    fake: FakeVertex,
    declare: Declare,
    monkeypatch: pytest.MonkeyPatch,
    edit: dict[str, Any],
    cut_off: Callable[[FakeVertex, pytest.MonkeyPatch], None],
) -> None:
    engine, old, new = MiniEngine(), declare(), declare(**edit)
    assert engine.up(old).ok
    fake.world.deploy_seconds = 900.0
    with monkeypatch.context() as patch, suppress(Crash):
        cut_off(fake, patch)
        assert "stopped waiting" in engine.up(new).failed["deployed"]

    assert engine.up(old).ok, "as written, with no refresh"

    assert serving(fake, old) == [(model_id(old), 100)]
    assert len(billing(fake)) == 1, "nor does anything appear later"
    assert engine.up(old).quiet


def test_without_waiting_what_still_starts_is_taken_off_by_a_later_run(
    fake: FakeVertex, declare: Declare
) -> None:
    old, new = (declare(service={"wait": False, "serving": {"spot": spot}}) for spot in (False, True))
    engine = MiniEngine()
    for _ in range(9):
        engine.up(old)
        fake.clock.sleep(60)
    fake.world.deploy_seconds = 900.0
    fake.fault("serving.deploy", Crash(), after=True)
    with suppress(Crash):
        engine.up(new)

    for _ in range(20):
        assert engine.up(old).ok
        fake.clock.sleep(120)

    assert len(billing(fake)) == 1
    assert serving(fake, old) == [(model_id(old), 100)]
    assert engine.up(old).quiet


def test_a_deployment_whose_token_the_state_does_not_know_goes_with_the_next_rollout(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(epochs=1)).ok
    fake.fault("serving.endpoint", Crash(), after=True)
    with suppress(Crash):
        engine.up(declare(epochs=1), replace=("deployed",))

    assert engine.up(declare(epochs=2)).ok

    assert len(billing(fake)) == 1


@pytest.mark.parametrize(
    "last",
    ["serving.patch_endpoint", "serving.undeploy", "serving.delete_model"],
    ids=["it has the traffic", "the old one is off its machines", "the old one is registered no more"],
)
def test_an_edit_back_from_a_rollout_that_came_far_needs_no_refresh(
    fake: FakeVertex, declare: Declare, said: list[str], last: str
) -> None:
    engine, old, new = MiniEngine(), declare(epochs=1), declare(epochs=2)
    assert engine.up(old).ok
    fake.fault(last, Crash(), after=True)
    with suppress(Crash):
        engine.up(new)
    said.clear()
    fake.clock.sleep(60)  # what is being deleted still shows

    assert engine.up(old).ok

    assert [line for line in said if line.startswith("an earlier run was cut off: ")]
    assert serving(fake, old) == [(model_id(old), 100)]
    assert len(fake.jobs.all) == 2, "nothing is tuned for it"
    assert len(billing(fake)) == 1
    assert engine.up(old).quiet


def test_only_an_edit_makes_what_is_settled_look_again(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    asked = len(fake.world.calls)

    assert engine.up(declare()).quiet

    assert len(fake.world.calls) == asked, "nobody is asked about what is settled"


@pytest.mark.parametrize("first", [True, False], ids=["the one call", "on an endpoint that is there"])
@pytest.mark.parametrize(
    "refused", [QuotaExceeded("too many"), NoCapacity("out of capacity"), PermissionMissing("no role")]
)
def test_a_refusal_after_the_effect_is_found_out(
    fake: FakeVertex, declare: Declare, refused: VertexError, *, first: bool
) -> None:
    engine = MiniEngine()
    if not first:
        assert engine.up(declare(epochs=1)).ok
    fake.fault("serving.deploy*", refused, after=True)

    assert engine.up(declare(epochs=2)).ok

    assert len(billing(fake)) == 1
    assert sum(call.startswith("serving.deploy") for call in fake.world.calls) == (1 if first else 2)


@pytest.mark.parametrize("edit", [{"epochs": 2}, {"service": {"output_uri": OTHER}}], ids=["", "elsewhere"])
def test_doctor_takes_the_predecessor_of_a_rollout_for_no_orphan(
    fake: FakeVertex, declare: Declare, edit: dict[str, Any]
) -> None:
    kinds = {"endpoint": "Endpoint", "deployed": "DeployedModel", "readiness": "Readiness"}
    service, engine = {"wait": False}, MiniEngine()

    def found() -> list[str]:
        resources = [
            {
                "type": f"pulumi-python:dynamic/vertex:{kinds[each.name]}",
                "id": each.id,
                "outputs": each.outputs,
            }
            for each in engine.state
            if each.name in kinds
        ]
        held = known([{"deployment": {"resources": resources}}])
        return [orphan.kind for orphan in look(fake, PROJECT, REGION, held)]

    for _ in range(8):
        engine.up(declare(epochs=1, service=service))
        fake.clock.sleep(60)
    fake.jobs.training_seconds = 50_000.0
    engine.up(declare(**{**edit, "service": {**service, **edit.get("service", {})}}))
    assert "deployed model" not in found(), "it serves until its successor does"
    assert "model" not in found()

    fake.serving.sites[next(iter(fake.serving.sites))].traffic = {}
    assert "deployed model" in found(), "what answers nobody only bills"


def test_ctrl_c_while_a_destroy_waits_says_what_bills_and_what_to_type(
    fake: FakeVertex, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok

    def told_to_end(_seconds: float) -> None:
        raise Interrupted("pulumi was interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(fake.clock, "sleep", told_to_end)
        [line] = engine.destroy().failed.values()

    assert "is under way" in line
    assert "until destroyed: 1 × g2-standard-12" in line
    assert "`pulumi destroy`" in line
    assert engine.destroy().ok
    assert billing(fake) == []
