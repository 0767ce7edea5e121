"""A region has no machines free: it is asked again for a stated time, nothing bills, and then what fits is told."""

from collections.abc import Callable

import pytest

from tests.support.fake import FakeVertex, OperationFault
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import NoCapacity

Declare = Callable[..., ServicePlan]
FULL = "The region us-central1 is out of capacity for g2-standard-12."


def held_machines(fake: FakeVertex) -> int:
    fake.clock.sleep(3600)
    fake.world.advance()
    return sum(len(site.deployed) for site in fake.serving.sites.values())


def short(fake: FakeVertex, call: str, times: int, after_steps: int = 0) -> None:
    fake.world.operation_faults += [OperationFault(call, 8, FULL, after_steps) for _ in range(times)]


@pytest.mark.parametrize("after_steps", [0, 1, 2], ids=["before the model", "after it", "after the endpoint"])
def test_it_is_deployed_when_machines_are_free(
    fake: FakeVertex, said: list[str], declare: Declare, after_steps: int
) -> None:
    short(fake, "serving.deploy_weights", 1, after_steps)
    short(fake, "serving.deploy", 2)
    engine, plan = MiniEngine(), declare()

    assert engine.up(plan).ok

    assert any(line.startswith("waits for capacity, for ") and line.endswith("…") for line in said)
    assert held_machines(fake) == 1
    assert engine.up(plan).quiet


def test_a_refusal_at_once_is_waited_for_too(fake: FakeVertex, declare: Declare) -> None:
    fake.fault("serving.deploy_weights", NoCapacity(FULL), times=3)
    engine = MiniEngine()
    assert engine.up(declare()).ok
    assert held_machines(fake) == 1


def test_when_the_time_is_over_what_would_fit_is_told_and_nothing_bills(
    fake: FakeVertex, declare: Declare
) -> None:
    short(fake, "serving.deploy_weights", 99)
    short(fake, "serving.deploy", 99)
    engine, plan = MiniEngine(), declare()

    told = engine.up(plan).failed["deployed"]

    assert told.startswith(
        "NoCapacity: service tickets, DeployedModel: The region us-central1 is out of capacity"
    )
    assert "Would fit: g2-standard-12 with 1 x NVIDIA_L4 in us-central1 (quota granted)" in told
    assert "Asked again for 30 min 0 s" in told
    assert held_machines(fake) == 0
    fake.world.operation_faults.clear()
    assert engine.up(plan).ok, "the next up begins anew"


def test_the_old_model_serves_on_while_the_new_one_waits(fake: FakeVertex, declare: Declare) -> None:
    engine, old = MiniEngine(), declare()
    assert engine.up(old).ok
    short(fake, "serving.deploy", 99)

    assert not engine.up(declare(epochs=2)).ok

    [site] = fake.serving.sites.values()
    [deployed] = site.deployed.values()
    assert site.traffic == {deployed.id: 100}
    assert deployed.model.endswith(old.declared["deployed"]["model_id"])


def test_without_waiting_each_up_asks_once(fake: FakeVertex, said: list[str], declare: Declare) -> None:
    short(fake, "serving.deploy_weights", 2)
    engine, plan = MiniEngine(), declare(service={"wait": False})
    reasons = []
    for _ in range(12):
        ran = engine.up(plan)
        assert ran.ok, ran.failed
        reasons.append(str(engine.outputs("deployed")["reason"]))
        fake.clock.sleep(60)

    waits = [
        reason for reason in reasons if reason.startswith("waits for capacity; the next `pulumi up` asks")
    ]
    assert len(waits) == 2
    assert any(line.startswith("no machines were free") for line in said), "the preview knows it already"
    assert engine.outputs("deployed")["phase"] == "ready"
    assert held_machines(fake) == 1


def test_a_tuning_that_finds_no_machines_is_asked_for_again(fake: FakeVertex, declare: Declare) -> None:
    fake.fault("jobs.create", NoCapacity(FULL), times=2)
    assert MiniEngine().up(declare(service={"serve": False})).ok
    assert len(fake.jobs.all) == 1
