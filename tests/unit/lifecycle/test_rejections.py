"""The figures of a model that failed are found afterwards."""

import pytest

from tests.support.evaluated import Declare, evaluated, id_of, right_for
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.resources.deployed_model import DeployedModelProvider
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.errors import PermissionMissing


def tried_again(said: list[str]) -> list[str]:
    """What is said of a model that failed, before it is tried again."""
    return [line for line in said if "failed its last evaluation" in line]


FAILED_BEFORE = (
    "warning: this model failed its last evaluation: score 0 over 8 answers, at least 0.75 was asked for; "
    "it is deployed and evaluated anew, and at least 0.75 is asked for now"
)


@pytest.mark.parametrize("serves", [True, False], ids=["an old one serves", "it is the first"])
def test_the_figures_of_what_failed_are_found_afterwards(
    fake: FakeVertex, declare: Declare, said: list[str], prompts: str, *, serves: bool
) -> None:
    service = {"serving": evaluated(prompts)}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    fake.serving.answers = right_for(old)
    if serves:
        assert engine.up(old).ok
    assert not engine.up(new).ok
    assert tried_again(said) == [], "it is told before it is tried again, not at the first time"

    figures = {"score": 0.0, "n": 8.0, "threshold": 0.75, "model": id_of(new)}
    engine.refresh()
    assert engine.outputs("readiness")["rejected"] == figures
    deployments = len([call for call in fake.world.calls if call.startswith("serving.deploy")])
    DeployedModelProvider().check({}, new.declared["deployed"])
    assert tried_again(said) == [FAILED_BEFORE], "a preview tells it"
    assert deployments == len([call for call in fake.world.calls if call.startswith("serving.deploy")])

    assert engine.up(old).ok
    assert engine.outputs("readiness")["rejected"] == figures, "an edit back keeps them"
    fake.serving.answers = right_for(old, new)
    assert engine.up(new).ok
    engine.refresh()
    assert not engine.outputs("readiness")["rejected"], "it has passed since"
    assert engine.destroy().ok
    assert [uri for uri in fake.storage.objects if "/.claims/Readiness/" in uri] == []


def test_without_waiting_a_preview_tells_that_the_model_failed(
    fake: FakeVertex, declare: Declare, said: list[str], prompts: str
) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": evaluated(prompts), "wait": False})
    fake.serving.answers = right_for()
    while engine.up(plan).ok:
        fake.clock.sleep(30)
    said.clear()
    there = engine.live("deployed")
    assert there is not None
    assert DeployedModelProvider().diff(there.id, dict(there.outputs), plan.declared["deployed"]).changes
    assert tried_again(said) == [FAILED_BEFORE]


def test_a_verdict_that_cannot_be_written_down_is_told_all_the_same(
    fake: FakeVertex, declare: Declare, prompts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise PermissionMissing("storage.objects.create denied")

    monkeypatch.setattr(Claims, "reject", read_only)
    ran = MiniEngine().up(declare(service={"serving": evaluated(prompts)}))
    assert "evaluation: score 0 over 8 answers" in ran.failed["deployed"]


def test_a_service_of_0_1_0_gets_its_claim_with_its_next_edit(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    service = {"serving": evaluated(prompts)}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    fake.serving.answers = right_for(old)
    assert engine.up(old).ok
    fake.storage.objects = {
        uri: blob for uri, blob in fake.storage.objects.items() if "/.claims/Readiness/" not in uri
    }
    engine.outputs("readiness")["token"] = ""

    assert not engine.up(new).ok
    engine.refresh()
    assert engine.outputs("readiness")["rejected"]["model"] == id_of(new)
    assert engine.destroy().ok
    assert [uri for uri in fake.storage.objects if "/.claims/Readiness/" in uri] == []
