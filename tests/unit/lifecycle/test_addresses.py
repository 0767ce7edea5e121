"""An endpoint's address: whichever calls make the endpoint, it is the declared kind, and no option changes it."""

from typing import Any

import pytest

from tests.support.declared import REGION
from tests.support.evaluated import Declare
from tests.support.fake import FakeVertex
from tests.support.fake_serving import Site
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan

ACCOUNT = "server@test-project.iam.gserviceaccount.com"
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a service account": {"serving": {"service_account": ACCOUNT}},
    "an evaluation": {"serving": {"evaluation": {}}},
    "a container": {"serving": {"container": {"image_uri": "gcr.io/x/y"}}},
    "labels": {"labels": {"team": "search"}},
    "replicas": {"serving": {"max_replicas": 2}},
    "another rollout": {"serving": {"rollout": "recreate"}},
}


def given(option: str, prompts: str, *, dedicated: bool) -> dict[str, Any]:
    """A service with an option; the default is left unsaid."""
    service = OPTIONS[option]
    serving = dict(service.get("serving", {}))
    if "evaluation" in serving:
        serving["evaluation"] = {"prompts": prompts, "threshold": 0.0}
    if not dedicated:
        serving["dedicated"] = False
    return {**service, "serving": serving}


def site(fake: FakeVertex, plan: ServicePlan) -> Site:
    [found] = [
        each for name, each in fake.serving.sites.items() if name.endswith(str(plan.endpoint_name)[-20:])
    ]
    return found


def host(engine: MiniEngine, part: str) -> str:
    return str(engine.outputs(part)["address"]).split("/")[2]


@pytest.mark.parametrize("dedicated", [True, False])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_changes_neither_the_kind_nor_the_address(
    fake: FakeVertex, declare: Declare, prompts: str, option: str, *, dedicated: bool
) -> None:
    engine, plain = MiniEngine(), declare(service=given("nothing", prompts, dedicated=dedicated))
    with_it = declare(service=given(option, prompts, dedicated=dedicated))
    assert engine.up(plain).ok
    before = host(engine, "deployed")

    ran = engine.up(with_it)

    assert ran.ok, ran.failed
    assert with_it.endpoint_name == plain.endpoint_name
    assert site(fake, with_it).dedicated is dedicated
    assert host(engine, "deployed") == before
    assert before.endswith(
        ".prediction.vertexai.goog" if dedicated else f"{REGION}-aiplatform.googleapis.com"
    )
    engine.refresh()
    assert host(engine, "endpoint") == before, "read back"
    assert engine.up(with_it).quiet

    fresh = MiniEngine()
    assert engine.destroy().ok
    assert fresh.up(with_it).ok
    assert host(fresh, "deployed") == before, "however it was made"


def test_a_key_makes_another_endpoint_of_the_same_kind(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(kms_key=KEY)

    assert engine.up(plan).ok

    assert site(fake, plan).dedicated
    assert host(engine, "deployed").endswith(".prediction.vertexai.goog")


def test_a_shared_endpoint_of_an_earlier_version_stays_as_it_is(fake: FakeVertex, declare: Declare) -> None:
    """0.1.0 made endpoints with a service account by a call of their own, and those were shared."""
    service = {"serving": {"service_account": ACCOUNT}}
    engine, plan = MiniEngine(), declare(service=service)
    assert engine.up(plan).ok
    site(fake, plan).dedicated = False
    for entry in engine.state:
        entry.outputs.pop("address", None)

    assert engine.up(plan).quiet, "an update of the package alone changes nothing"
    engine.refresh()
    assert engine.up(plan).quiet
    rolled = engine.up(declare(service=service, epochs=2))

    assert rolled.ok, rolled.failed
    assert not site(fake, plan).dedicated
    assert {host(engine, part) for part in ("endpoint", "deployed")} == {
        f"{REGION}-aiplatform.googleapis.com"
    }


def test_another_kind_is_another_endpoint_and_the_way_back_leads_to_the_first(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, dedicated, shared = MiniEngine(), declare(), declare(service={"serving": {"dedicated": False}})
    assert declare(service={"serving": {"dedicated": True}}).endpoint_name == dedicated.endpoint_name
    assert dedicated.endpoint_name != shared.endpoint_name

    for plan in (dedicated, shared, dedicated):
        ran = engine.up(plan)
        assert ran.ok, ran.failed
        assert site(fake, plan).dedicated is (plan is dedicated)
        assert len(fake.serving.sites) == 1


def test_a_private_endpoint_has_no_address(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": {"private_service_connect": ["abc-defg"]}})

    assert engine.up(plan).ok

    assert (site(fake, plan).private, site(fake, plan).dedicated) == (True, False)
    assert not engine.outputs("endpoint").get("address")
    assert not engine.outputs("deployed").get("address")
