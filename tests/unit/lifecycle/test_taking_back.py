"""A deployment that failed is taken back; one that could not be looked at is left to the next run."""

from collections.abc import Callable

import pytest

from tests.support.fake import FakeVertex, OperationFault
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import Logging, MachineRequest
from vertex_tuning.vertex.errors import PermissionMissing, QuotaExceeded, Transient, VertexError

Declare = Callable[..., ServicePlan]


def deployed(fake: FakeVertex) -> list[tuple[str, int]]:
    """(deployed model's id, per cent) over all endpoints."""
    return [(id_, site.traffic.get(id_, 0)) for site in fake.serving.sites.values() for id_ in site.deployed]


def asked_for(fake: FakeVertex) -> int:
    return sum(call in ("serving.deploy", "serving.deploy_weights") for call in fake.world.calls)


L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)
LOOKS = [
    pytest.param(Transient("the line went dead"), id="the line went dead"),
    pytest.param(QuotaExceeded("too many looks in a minute"), id="too many looks in a minute"),
    pytest.param(PermissionMissing("no role"), id="a role was taken away"),
]

INSIDE_GOOGLE = (13, 14)


@pytest.mark.parametrize("error", LOOKS)
def test_a_deployment_under_way_that_cannot_be_looked_at_is_found_by_the_next_run(
    fake: FakeVertex, declare: Declare, error: VertexError
) -> None:
    engine, plan = MiniEngine(), declare()
    fake.fault("serving.operation", error, nth=3)
    assert list(engine.up(plan).failed) == ["deployed"]

    assert engine.up(plan).ok
    assert asked_for(fake) == 1, "machines that start are not thrown away"


@pytest.mark.parametrize("error", LOOKS)
@pytest.mark.parametrize("nth", range(1, 7))
def test_what_serves_serves_on_when_an_update_fails(
    fake: FakeVertex, declare: Declare, error: VertexError, nth: int
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    before = deployed(fake)
    fake.fault("serving.*", error, nth=nth)
    more = declare(service={"serving": {"min_replicas": 1, "max_replicas": 2}})

    engine.up(more)
    fake.world.faults.clear()
    assert deployed(fake) == before

    assert engine.up(more).ok
    assert deployed(fake) == before


@pytest.mark.parametrize("steps", range(3), ids=["before anything", "with a model", "with an endpoint"])
@pytest.mark.parametrize("code", [8, 9, 13, 14], ids=["quota", "refused", "internal", "unavailable"])
def test_a_first_deployment_that_fails_half_way_leaves_nothing_that_bills(
    fake: FakeVertex, declare: Declare, steps: int, code: int
) -> None:
    engine, plan = MiniEngine(), declare()
    fake.world.operation_faults.append(OperationFault("serving.deploy_weights", code, after_steps=steps))
    if code in INSIDE_GOOGLE:
        again = "serving.deploy" if steps else "serving.deploy_weights"
        fake.world.operation_faults.append(OperationFault(again, code))
    failed = engine.up(plan)
    assert "it broke half-way" in failed.failed["deployed"], "Vertex AI's own word"
    assert fake.world.operation_faults == [], "as often as it was tried"
    assert deployed(fake) == []
    assert fake.serving.registered == {}

    assert engine.up(plan).ok
    assert [share for _, share in deployed(fake)] == [100]


@pytest.mark.evidence("operations.first-internal", side="plugin")
@pytest.mark.parametrize("steps", range(3), ids=["before anything", "with a model", "with an endpoint"])
@pytest.mark.parametrize("code", INSIDE_GOOGLE)
def test_a_deployment_that_fails_inside_google_is_tried_once_more(
    fake: FakeVertex, declare: Declare, said: list[str], steps: int, code: int
) -> None:
    engine, plan = MiniEngine(), declare()
    fake.world.operation_faults.append(OperationFault("serving.deploy_weights", code, after_steps=steps))

    ran = engine.up(plan)

    assert ran.ok, ran.failed
    assert [share for _, share in deployed(fake)] == [100]
    assert [line for line in said if "it is tried once more" in line] == [
        "the deployment failed inside Google (it broke half-way); it is tried once more"
    ]
    assert engine.up(plan).quiet


def test_one_that_fails_inside_google_after_long_is_not(fake: FakeVertex, declare: Declare) -> None:
    """A model that does not come up fails so too: another try would cost as much and fail as well."""
    fake.world.deploy_seconds = 1800.0
    fake.world.operation_faults.append(OperationFault("serving.deploy_weights", 13, after_steps=2))
    assert "it broke half-way" in MiniEngine().up(declare()).failed["deployed"]


def test_a_take_back_that_fails_too_does_not_hide_why_it_came_to_it(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare()
    fake.world.operation_faults.append(OperationFault("serving.deploy_weights", 9, after_steps=2))
    fake.fault("serving.delete_model", PermissionMissing("no role to delete models"))
    failed = engine.up(plan)
    assert "it broke half-way" in failed.failed["deployed"]
    assert engine.up(plan).ok or engine.up(plan).ok, "what was left is found again"


def test_a_model_put_there_by_hand_does_not_keep_the_service_from_going(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    [site] = fake.serving.sites.values()
    model = site.name.rsplit("/", 2)[0] + "/models/by-hand"
    fake.serving.registered[model] = next(iter(fake.serving.registered.values()))
    operation = fake.serving.deploy(site.name, model, "by hand", L4, None, Logging())
    fake.clock.sleep(60)
    assert (seen := fake.serving.operation(operation)) is not None
    assert seen.done
    assert len(deployed(fake)) == 2

    assert engine.destroy().ok
    assert deployed(fake) == []
