"""An edit of `output_uri` that is disturbed: what serves goes on, and nothing is left that bills without an owner."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.declared import BUCKET, OUTPUT
from tests.support.fake import Crash, FakeVertex, OperationFault
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_crashes import billing
from tests.unit.lifecycle.test_fences import model_id, serving
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.deployed_model.kind import GAP_OF_A_MOVE

Declare = Callable[..., ServicePlan]
OTHER, THIRD = f"gs://{BUCKET}/other", f"gs://{BUCKET}/third"
PRIVATE = {"private_service_connect": ["abc-defg"]}
EVALUATED = {"serving": {"evaluation": {"command": ["true"], "threshold": 0.5}}}


def cut_off(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan) -> None:
    """An `up` that is killed as soon as it has started a deployment, which goes on by itself."""
    fake.world.deploy_seconds = 900.0
    fake.fault("serving.deploy*", Crash(), after=True)
    with suppress(Crash):
        engine.up(plan)


def up_and_moved(declare: Declare, *, before: bool) -> tuple[MiniEngine, ServicePlan]:
    """A service that is up, and its plan in another folder, which an `up` may have followed already."""
    engine, moved = MiniEngine(), declare(service={"output_uri": OTHER})
    assert engine.up(declare()).ok
    if before:
        assert engine.up(moved).ok
    return engine, moved


def serves_alone(fake: FakeVertex, engine: MiniEngine, plan: ServicePlan) -> None:
    assert serving(fake, plan) == [(model_id(plan), 100)]
    assert len(billing(fake)) == 1
    assert engine.up(plan).quiet


@pytest.mark.parametrize("before", [True, False], ids=["by an `up` before", "by the same `up`"])
def test_an_endpoint_that_is_made_anew_in_another_folder_serves_on(
    fake: FakeVertex, declare: Declare, *, before: bool
) -> None:
    engine, moved = up_and_moved(declare, before=before)

    assert engine.up(moved, replace=("endpoint",)).ok

    serves_alone(fake, engine, moved)
    assert engine.destroy().ok
    assert billing(fake) == []


@pytest.mark.parametrize("before", [True, False], ids=["by an `up` before", "by the same `up`"])
def test_an_edit_back_to_an_endpoint_of_another_folder_serves_on(
    fake: FakeVertex, declare: Declare, *, before: bool
) -> None:
    engine, moved = up_and_moved(declare, before=before)
    fake.world.operation_faults.append(OperationFault("serving.deploy_weights", 9))
    assert not engine.up(declare(service={"output_uri": OTHER, "serving": PRIVATE})).ok

    assert engine.up(moved).ok

    serves_alone(fake, engine, moved)


@pytest.mark.parametrize("service", [{}, EVALUATED], ids=["", "evaluated"])
@pytest.mark.parametrize("folders", [[OTHER], [OTHER, THIRD], [OTHER, OUTPUT, THIRD]], ids=len)
@pytest.mark.parametrize("back", [True, False], ids=["edited back", "destroyed"])
def test_a_rollout_into_another_folder_that_is_cut_off_leaves_nothing(
    fake: FakeVertex, declare: Declare, service: dict[str, Any], folders: list[str], *, back: bool
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    for folder in folders:
        cut_off(fake, engine, declare(service={"output_uri": folder, **service}))
    fake.world.faults = []

    if back:
        assert engine.up(declare()).ok, "as written, with no refresh"
        serves_alone(fake, engine, declare())
    assert engine.destroy().ok

    fake.clock.sleep(3600)
    assert billing(fake) == []
    assert fake.serving.registered == {}
    assert not [uri for uri in fake.storage.objects if "/.claims/Readiness" in uri]
    assert not [uri for uri in fake.storage.objects if "/.claims/DeployedModel" in uri]


def test_an_endpoint_made_anew_after_an_edit_back_is_deleted_by_a_destroy(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    cut_off(fake, engine, declare(service={"output_uri": OTHER}))
    assert engine.up(declare(), replace=("endpoint",)).ok

    assert engine.destroy().ok

    assert fake.serving.sites == {}


def test_an_endpoint_whose_create_was_cut_off_in_another_folder_is_deleted_by_a_destroy(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    fake.fault("serving.create_endpoint", Crash(), after=True)
    with suppress(Crash):
        engine.up(declare(service={"output_uri": OTHER, "serving": PRIVATE}))
    assert engine.up(declare(service={"serving": PRIVATE})).ok

    assert engine.destroy().ok

    fake.clock.sleep(3600)
    assert fake.serving.sites == {}


@pytest.mark.parametrize("nth", range(1, 26))
def test_a_destroy_that_is_cut_off_anywhere_is_finished_by_the_next(
    fake: FakeVertex, declare: Declare, nth: int
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    cut_off(fake, engine, declare(service={"output_uri": OTHER, **EVALUATED}))
    fake.fault("*", Crash(), after=True, nth=nth)
    with suppress(Crash):
        engine.destroy()
    fake.world.faults = []

    assert engine.destroy().ok

    fake.clock.sleep(3600)
    assert billing(fake) == []


@pytest.mark.parametrize("nth", range(1, 40))
def test_a_move_that_is_cut_off_anywhere_can_be_edited_back(
    fake: FakeVertex, declare: Declare, nth: int
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    fake.fault("*", Crash(), after=True, nth=3 * nth)
    with suppress(Crash):
        engine.up(declare(service={"output_uri": OTHER}))
    fake.world.faults = []

    assert engine.up(declare()).ok

    serves_alone(fake, engine, declare())
    assert engine.destroy().ok
    assert billing(fake) == []


def test_a_folder_that_holds_nothing_any_more_is_forgotten(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert engine.up(declare(service={"output_uri": OTHER})).ok

    assert engine.up(declare(epochs=2, service={"output_uri": OTHER})).ok

    claims = [uri for uri in fake.storage.objects if "/.claims/Readiness" in uri]
    assert [uri.startswith(OTHER) for uri in claims] == [True]
    assert OUTPUT.encode() + b'"' not in fake.storage.objects[claims[0]].content


def test_without_waiting_the_old_model_serves_until_that_of_the_other_folder_does(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    old, new = declare(service={"wait": False}), declare(service={"wait": False, "output_uri": OTHER})
    for _ in range(9):
        engine.up(old)
        fake.clock.sleep(60)

    for _ in range(9):
        assert engine.up(new).ok
        assert sum(share for _, share in serving(fake, new)) == 100
        fake.clock.sleep(60)

    serves_alone(fake, engine, new)


def test_without_waiting_a_move_of_the_endpoint_says_downtime(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine = MiniEngine()
    for _ in range(9):
        engine.up(declare(service={"wait": False}))
        fake.clock.sleep(60)
    said.clear()

    engine.up(declare(service={"wait": False, "serving": PRIVATE}))

    assert f"warning: {GAP_OF_A_MOVE}" in said
