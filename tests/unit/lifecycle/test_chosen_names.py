"""Google may choose other ids for endpoint and model than those asked for: everything works to the end."""

from collections.abc import Callable

import pytest

from tests.support.fake import FakeVertex, OperationFault
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_crashes import billing, crashes
from vertex_tuning.orphans import known, look
from vertex_tuning.plan import ServicePlan

pytestmark = pytest.mark.evidence("operations.ids-chosen-by-the-service", side="plugin")

Declare = Callable[..., ServicePlan]
PROJECT, REGION = "test-project", "us-central1"


@pytest.fixture
def fake(fake: FakeVertex) -> FakeVertex:
    fake.serving.own_ids = True
    return fake


def only(fake: FakeVertex) -> tuple[str, str]:
    """Ids of the one endpoint that there is, and of the one model that answers there."""
    [site] = fake.serving.sites.values()
    [deployed] = [deployed for id_, deployed in site.deployed.items() if site.traffic.get(id_) == 100]
    return site.name.rsplit("/", 1)[1], deployed.model.rsplit("/", 1)[1]


def states(engine: MiniEngine) -> list[dict[str, object]]:
    """What `pulumi stack export` would print."""
    resources = [
        {
            "type": f"pulumi-python:dynamic/vertex:{entry.provider.kind}",
            "id": entry.id,
            "outputs": entry.outputs,
        }
        for entry in engine.state
    ]
    return [{"deployment": {"resources": resources}}]


@pytest.mark.parametrize("rollout", ["side_by_side", "recreate"])
def test_up_rollout_refresh_and_destroy(fake: FakeVertex, declare: Declare, rollout: str) -> None:
    engine, serving = MiniEngine(), {"serving": {"rollout": rollout}}
    first = declare(service=serving)

    assert engine.up(first).ok
    endpoint, model = only(fake)
    assert (endpoint.isdigit(), model.isdigit()) == (True, True)
    place = f"projects/{PROJECT}/locations/{REGION}"
    outputs = engine.outputs("deployed")
    assert outputs["endpoint"] == f"{place}/endpoints/{endpoint}"
    assert outputs["model"] == f"{place}/models/{model}"
    assert len(fake.serving.registered) == 1
    assert engine.up(first).quiet

    for epochs in (2, 3):
        following = declare(epochs=epochs, service=serving)
        ran = engine.up(following)
        assert ran.ok, ran.failed
        assert only(fake)[0] == endpoint, "callers keep their endpoint"
        assert len(fake.serving.registered) == 1, "the old model is not registered any more"
        assert engine.up(following).quiet
        assert look(fake, PROJECT, REGION, known(states(engine))) == [], "doctor takes none of it for lost"

    engine.refresh()
    assert engine.outputs("endpoint")["endpoint"] == f"{place}/endpoints/{endpoint}"
    assert engine.up(following).quiet
    assert engine.destroy().ok
    assert (fake.serving.sites, fake.serving.registered) == ({}, {})


def test_labels_and_replicas_are_changed_where_they_are(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    endpoint, model = only(fake)

    changed = declare(service={"labels": {"team": "a"}, "serving": {"max_replicas": 2}})
    assert engine.up(changed).ok

    assert only(fake) == (endpoint, model)
    [site] = fake.serving.sites.values()
    assert site.labels["team"] == "a"
    assert next(iter(site.deployed.values())).max_replicas == 2


def test_a_model_is_evaluated_and_then_served(fake: FakeVertex, declare: Declare, prompts: str) -> None:
    fake.serving.answers = lambda _model, prompt: f"right {prompt}"
    serving = {"serving": {"evaluation": {"prompts": prompts, "threshold": 0.5}}}
    engine = MiniEngine()
    for epochs in (1, 2):
        ran = engine.up(declare(epochs=epochs, service=serving))
        assert ran.ok, ran.failed
        assert len(fake.serving.registered) == 1
    assert only(fake)
    assert engine.destroy().ok
    assert (fake.serving.sites, fake.serving.registered) == ({}, {})


def test_another_output_folder_keeps_the_endpoint(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    endpoint, _ = only(fake)

    ran = engine.up(declare(service={"output_uri": "gs://test-bucket/other"}))

    assert ran.ok, ran.failed
    assert only(fake)[0] == endpoint
    assert engine.destroy().ok
    assert (fake.serving.sites, fake.serving.registered) == ({}, {})


@pytest.mark.parametrize("code", [8, 13])
@pytest.mark.parametrize("steps", range(3), ids=["before anything", "with a model", "with an endpoint"])
def test_a_first_try_that_failed_half_way_is_taken_up(
    fake: FakeVertex, declare: Declare, code: int, steps: int
) -> None:
    message = "Resources are insufficient in region: us-central1." if code == 8 else "Internal error"
    fault = OperationFault("serving.deploy_weights", code, message, after_steps=steps)
    fake.world.operation_faults.append(fault)
    engine = MiniEngine()

    ran = engine.up(declare())

    assert ran.ok, ran.failed
    assert only(fake)
    assert engine.destroy().ok
    assert fake.serving.sites == {}


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_and_brought_up_again(declare: Declare, *, after: bool) -> None:
    plan = declare()

    def up(fake: FakeVertex, engine: MiniEngine) -> None:
        fake.serving.own_ids = True
        engine.up(plan)

    for call, fake, engine in crashes(up, after=after):
        ran = engine.up(plan)
        assert ran.ok, (call, ran.failed)
        assert engine.up(plan).quiet, call
        assert only(fake), call
        assert len(fake.serving.registered) == 1, call
        assert engine.destroy().ok
        assert billing(fake) == [], call
        assert (fake.serving.sites, fake.serving.registered) == ({}, {}), call


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_call_and_destroyed(declare: Declare, *, after: bool) -> None:
    plan = declare()

    def up(fake: FakeVertex, engine: MiniEngine) -> None:
        fake.serving.own_ids = True
        engine.up(plan)

    for call, fake, engine in crashes(up, after=after):
        assert engine.destroy().ok
        assert billing(fake) == [], call
        if engine.up(plan).ok:
            assert engine.destroy().ok
            assert billing(fake) == [], call
