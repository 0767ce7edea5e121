"""An endpoint that is another's: served on, and left as it was."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import BUCKET, PROJECT, REGION
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.lifecycle.orphaned import Known
from vertex_tuning.orphans import look
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.client import ContainerSpec, Endpoint, Logging, MachineRequest

Declare = Callable[..., ServicePlan]
PARENT = f"projects/{PROJECT}/locations/{REGION}"
THEIRS = f"{PARENT}/endpoints/4711"
L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


@pytest.fixture
def theirs(fake: FakeVertex) -> Callable[[], Endpoint]:
    """Another team's endpoint, as it is by now."""
    fake.serving.create_endpoint(THEIRS, "theirs", {"team": "other"}, None, None)
    fake.clock.sleep(60)

    def seen() -> Endpoint:
        found = fake.serving.endpoint(THEIRS)
        assert found is not None
        return found

    return seen


def deploy_theirs(fake: FakeVertex, traffic: int) -> str:
    """Another team's deployment on it; gives its id."""
    weights = f"gs://{BUCKET}/theirs"
    for name in ("config.json", "model.safetensors"):
        fake.storage.put(f"{weights}/{name}", b"x")
    fake.serving.upload_model(f"{PARENT}/models/theirs", "m", weights, ContainerSpec({"imageUri": "i"}), {})
    fake.clock.sleep(60)
    fake.serving.deploy(THEIRS, f"{PARENT}/models/theirs", "theirs", L4, None, Logging())
    fake.clock.sleep(60)
    live = fake.serving.endpoint(THEIRS)
    assert live is not None
    [id_] = [deployed.id for deployed in live.deployed if deployed.model.endswith("/theirs")]
    if traffic:
        fake.serving.patch_endpoint(THEIRS, traffic={id_: traffic})
    return id_


def adopting(declare: Declare, **service: Any) -> ServicePlan:
    return declare(service={"adopt_endpoint": THEIRS, **service})


def models(endpoint: Endpoint) -> list[str]:
    return [deployed.model.rsplit("/", 1)[1] for deployed in endpoint.deployed]


def test_it_is_served_on_and_otherwise_left_alone(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    engine, plan = MiniEngine(), adopting(declare, labels={"team": "ours"})
    assert plan.endpoint_name == THEIRS

    assert engine.up(plan).ok

    live = theirs()
    assert (live.display_name, live.labels) == ("theirs", {"team": "other"})
    assert models(live) == [plan.declared["deployed"]["model_id"]]
    assert list(live.traffic.values()) == [100]
    assert engine.up(plan).quiet
    assert engine.up(adopting(declare, labels={"team": "edited"})).quiet, "its labels are not ours"

    again = adopting(declare, serving={"spot": True})
    assert engine.up(again).ok
    assert models(theirs()) == [again.declared["deployed"]["model_id"]], (
        "a rollout as on an endpoint of one's own"
    )

    assert engine.destroy().ok
    assert theirs().deployed == ()


def test_traffic_of_others_is_not_taken(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    id_ = deploy_theirs(fake, traffic=100)

    refused = MiniEngine().up(adopting(declare))

    assert f"others' deployed models have traffic ({id_})" in refused.failed["endpoint"]
    assert theirs().traffic == {id_: 100}


def test_traffic_that_others_get_while_the_tuning_runs_is_not_taken_either(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    engine, plan = MiniEngine(), adopting(declare, wait=False)
    assert engine.up(plan).ok
    id_ = deploy_theirs(fake, traffic=100)
    fake.clock.sleep(600)

    refused = engine.up(plan)

    assert "not taken from them" in refused.failed["deployed"]
    assert models(theirs()) == ["theirs"], "and no machine was started"
    fake.serving.patch_endpoint(THEIRS, traffic={})
    for _ in range(5):
        engine.up(plan)
        fake.clock.sleep(60)
    assert theirs().traffic.get(id_, 0) == 0
    assert sorted(theirs().traffic.values()) == [100]


def test_others_without_traffic_stay_when_the_service_goes(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    deploy_theirs(fake, traffic=0)
    engine = MiniEngine()
    assert engine.up(adopting(declare)).ok
    assert len(theirs().deployed) == 2

    assert engine.destroy().ok

    assert models(theirs()) == ["theirs"]
    assert len(fake.serving.registered) == 1


def test_one_that_is_not_there_is_not_made(fake: FakeVertex, declare: Declare) -> None:
    refused = MiniEngine().up(adopting(declare))
    assert f"adopt_endpoint: {THEIRS} is not there" in refused.failed["endpoint"]
    assert fake.serving.sites == {}


def test_one_that_was_deleted_meanwhile_is_not_made_again(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    engine, plan = MiniEngine(), adopting(declare)
    assert engine.up(plan).ok
    fake.serving.sites.clear()
    engine.refresh()

    assert "is not there" in engine.up(plan).failed["endpoint"]

    assert fake.serving.sites == {}
    assert engine.destroy().ok
    assert fake.serving.registered == {}


def test_from_an_adopted_endpoint_to_one_of_its_own_and_back(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    engine, own = MiniEngine(), declare()
    for plan in (adopting(declare), own, adopting(declare)):
        assert engine.up(plan).ok
        serving = [name for name, site in fake.serving.sites.items() if site.deployed]
        assert [name.rsplit("/", 1)[1] for name in serving] == [str(plan.endpoint_name).rsplit("/", 1)[1]]
    assert len(fake.serving.sites) == 1, "its own went, the adopted one stayed"


def test_what_a_lost_state_has_left_on_it_is_found(
    fake: FakeVertex, declare: Declare, theirs: Callable[[], Endpoint]
) -> None:
    deploy_theirs(fake, traffic=0)
    assert MiniEngine().up(adopting(declare)).ok

    found = look(fake, PROJECT, REGION, Known(frozenset(), frozenset(), frozenset()))

    assert [orphan.kind for orphan in found] == ["deployed model", "model"], "neither theirs nor the name"
