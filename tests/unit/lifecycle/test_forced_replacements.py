"""`pulumi up --replace` and `pulumi state taint`: what serves stays and is said so; `serving.redeploy` deploys anew."""

from collections.abc import Callable

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]
LEFT = "serves already and is left as it is"


def deployments(fake: FakeVertex) -> int:
    return sum(call in ("serving.deploy", "serving.deploy_weights") for call in fake.world.calls)


def test_a_forced_replacement_of_what_serves_says_that_it_is_left(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    assert not any(LEFT in line for line in said), "a first create makes something"
    before = engine.outputs("deployed")["deployed_id"]

    ran = engine.up(plan, replace=("deployed",))

    assert ran.ok, ran.failed
    assert (engine.outputs("deployed")["deployed_id"], deployments(fake)) == (before, 1)
    assert [line for line in said if LEFT in line and "serving.redeploy" in line]
    assert engine.up(plan).quiet


def test_a_create_after_a_killed_run_takes_up_what_serves(fake: FakeVertex, declare: Declare) -> None:
    """To the provider it is the same call as that of a forced replacement: it must not deploy again."""
    plan, engine = declare(), MiniEngine()
    assert engine.up(plan).ok
    killed = MiniEngine()
    killed.state = [entry for entry in engine.state if entry.name != "deployed"]

    assert killed.up(plan).ok

    assert deployments(fake) == 1


def test_a_replacement_by_an_edit_says_nothing_of_it(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine = MiniEngine()
    engine.up(declare())
    assert engine.up(declare(epochs=2)).ok
    assert deployments(fake) == 2
    assert not any(LEFT in line for line in said)


def test_an_edit_says_nothing_of_it(fake: FakeVertex, declare: Declare, said: list[str]) -> None:
    engine = MiniEngine()
    engine.up(declare())
    assert engine.up(declare(service={"serving": {"max_replicas": 2}})).ok
    assert not any(LEFT in line for line in said)


def test_redeploy_deploys_the_same_model_once_more(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    engine.up(declare())
    before = engine.outputs("deployed")["deployed_id"]
    for number in (1, 2):
        ran = engine.up(declare(service={"serving": {"redeploy": number}}))
        assert ran.ok, ran.failed
        assert ran.made == ["deployed"]
        assert engine.outputs("deployed")["deployed_id"] != before
        before = engine.outputs("deployed")["deployed_id"]
    [endpoint] = fake.serving.endpoints("test-project", "us-central1")
    assert [deployed.id for deployed in endpoint.deployed] == [before]


def test_a_renamed_stack_keeps_its_owner(declare: Declare, said: list[str]) -> None:
    before = declare("dev")
    for word in ("dev", "tests/dev"):
        after = declare("demo-two", service={"stack_renamed_from": word})
        assert (after.owner, after.endpoint_name) == (before.owner, before.endpoint_name)
        engine = MiniEngine()
        assert engine.up(before).ok
        assert engine.up(after).quiet
        assert engine.destroy().ok
    assert declare("demo-two", service={"stack_renamed_from": "old/dev"}).owner == "old/dev/tickets"
