"""Someone redeploys our model on other machines: `up` brings it back to the declared ones, and loses nobody."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.support.fake import FakeVertex, OperationFault
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_crashes import billing
from tests.unit.lifecycle.test_drift import site_of
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]

LARGER: dict[str, Any] = {"machine_type": "g2-standard-24", "accelerator_count": 2}
SPOT: dict[str, Any] = {"spot": True}


def moved(fake: FakeVertex, other: dict[str, Any]) -> None:
    site = site_of(fake)
    site.deployed = {id_: msgspec.structs.replace(each, **other) for id_, each in site.deployed.items()}


def machines(fake: FakeVertex) -> list[tuple[str, bool, int]]:
    site = site_of(fake)
    return [(each.machine_type, each.spot, site.traffic.get(each.id, 0)) for each in site.deployed.values()]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        pytest.param(LARGER, "runs on g2-standard-24 with 2 x NVIDIA_L4", id="larger"),
        pytest.param(SPOT, "runs on spot g2-standard-12 with 1 x NVIDIA_L4", id="may be taken away"),
    ],
)
@pytest.mark.parametrize("rollout", ["side_by_side", "recreate"])
@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
def test_up_brings_the_declared_machines_back(
    fake: FakeVertex, declare: Declare, *, wait: bool, rollout: str, other: dict[str, Any], told: str
) -> None:
    service: dict[str, Any] = {"wait": wait, "serving": {"rollout": rollout}}
    engine, plan = MiniEngine(), declare(service=service)
    for _ in range(9):
        assert engine.up(plan).ok
        fake.clock.sleep(60)
    moved(fake, other)
    engine.refresh()
    assert told in engine.outputs("deployed")["reason"]

    answered: list[int] = []
    sleep = fake.clock.sleep

    def slept(seconds: float) -> None:
        answered.append(sum(site_of(fake).traffic.values()))
        sleep(seconds)

    fake.clock.sleep = slept  # type: ignore[method-assign]
    for _ in range(1 if wait else 9):
        ran = engine.up(plan)
        assert ran.ok, ran.failed
        assert not ran.made
        fake.clock.sleep(60)

    fake.clock.sleep = sleep  # type: ignore[method-assign]
    assert machines(fake) == [("g2-standard-12", False, 100)]
    if rollout == "side_by_side":
        assert set(answered) == {100}, "somebody answered all the while"
    engine.refresh()
    assert engine.up(plan).quiet
    assert engine.destroy().ok
    assert not billing(fake)


def test_a_deployment_that_fails_leaves_what_serves_and_is_tried_again(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    moved(fake, LARGER)
    engine.refresh()
    fake.world.operation_faults.append(OperationFault("serving.deploy", 9))

    assert "deployment failed" in engine.up(plan).failed["deployed"]

    assert machines(fake) == [("g2-standard-24", False, 100)]
    assert engine.up(plan).ok
    assert machines(fake) == [("g2-standard-12", False, 100)]
