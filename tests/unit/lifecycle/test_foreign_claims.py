"""Claims that others wrote, or nobody: what is not this service's is neither cancelled nor deleted."""

from collections.abc import Callable

import msgspec
import pytest

from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION
from tests.support.fake import FakeVertex
from tests.support.fake_serving import container_of
from tests.support.fake_world import canonical
from tests.support.mini_engine import MiniEngine
from vertex_tuning import names
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.claim import Claim
from vertex_tuning.vertex.client import JobState, Logging, MachineRequest
from vertex_tuning.vertex.errors import PermissionMissing

Declare = Callable[..., ServicePlan]
AT_ONCE = {"serve": False, "wait": False}
PLACE = f"projects/{PROJECT}/locations/{REGION}"
L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


def claims_of(fake: FakeVertex, kind: str) -> list[str]:
    return [uri for uri in fake.storage.objects if f"/.claims/{kind}" in uri]


def forge(fake: FakeVertex, key: str, **said: object) -> None:
    claim = Claim(id="forged", token="t", at=1.0, **said)  # type: ignore[arg-type]  # noqa: S106 - opens nothing
    fake.storage.put(f"{OUTPUT}/.claims/{key}.json", msgspec.json.encode(claim))


def edit(fake: FakeVertex, uri: str, **said: object) -> None:
    written = msgspec.json.decode(fake.storage.objects[uri].content)
    fake.storage.put(uri, msgspec.json.encode({**written, **said}))


def register(fake: FakeVertex, model_id: str, labels: dict[str, str], weights: str) -> str:
    """Another team's registered model."""
    model = canonical(f"{PLACE}/models/{model_id}")
    fake.storage.put(f"{weights}/config.json", b"{}")
    fake.storage.put(f"{weights}/model.safetensors", b"x")
    fake.serving._register(model, container_of(weights, 1), weights, labels)
    return model


THEIRS = {names.OWNER_LABEL: names.label_of("acme/prod/tickets")}
OTHERS = {
    "with their label": ("vt-tickets-0123456789ab", THEIRS, f"gs://{BUCKET}/out/other"),
    "without a label, of other weights": ("acme-prod-model", {}, f"gs://{BUCKET}/theirs"),
}


@pytest.mark.parametrize(("model_id", "labels", "weights"), OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("owner", ["tests/dev/tickets", ""])
def test_a_claim_that_names_another_s_model_does_not_delete_it(
    fake: FakeVertex,
    declare: Declare,
    said: list[str],
    model_id: str,
    labels: dict[str, str],
    weights: str,
    owner: str,
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    model = register(fake, model_id, labels, weights)
    forge(fake, f"{names.claims_of_models(PROJECT, REGION)}/{model_id}", owner=owner, reads=weights)

    assert engine.destroy().ok

    assert model in fake.serving.registered
    assert any("is left as it is" in line for line in said if model_id in line), said
    assert fake.serving.sites == {}


def test_a_model_of_the_one_call_is_safe_from_a_service_with_the_same_folder(
    fake: FakeVertex, declare: Declare
) -> None:
    """The call sets no labels; the weights of both services lie below one folder, so only a label tells."""
    fake.serving.l4_per_region = 2
    ours, theirs = MiniEngine(), MiniEngine()
    assert ours.up(declare()).ok
    assert theirs.up(declare("prod", epochs=2)).ok
    [model] = [name for name, labels in fake.serving.model_labels.items() if "tests-prod" in str(labels)]
    endpoint = theirs.outputs("endpoint")["endpoint"]
    for kind in ("Endpoint/", "DeployedModel/"):
        for uri in claims_of(fake, kind):
            edit(fake, uri, owner="tests/dev/tickets")

    assert ours.destroy().ok

    assert model in fake.serving.registered
    assert [found.name for found in fake.serving.sites.values() if found.deployed] == [canonical(endpoint)]


def test_a_label_that_is_refused_fails_no_deployment(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    fake.fault("serving.label_model", PermissionMissing("aiplatform.models.update is missing"))
    assert MiniEngine().up(declare()).ok
    assert any("has no label of its owner: aiplatform.models.update" in line for line in said)


def test_a_claim_that_names_another_s_endpoint_neither_clears_nor_changes_it(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    model = register(fake, "m", {}, f"gs://{BUCKET}/theirs")
    theirs = canonical(f"{PLACE}/endpoints/9001")
    fake.serving.create_endpoint(theirs, "theirs", THEIRS, None, None)
    fake.clock.sleep(10)
    fake.serving.deploy(theirs, model, "m", L4, None, Logging())
    fake.clock.sleep(60)
    fake.world.advance()
    before = fake.serving.sites[theirs].view()
    for kind in ("Endpoint/", "DeployedModel/"):
        for uri in claims_of(fake, kind):
            edit(fake, uri, resource=f"{PLACE}/endpoints/9001", asked=plan.endpoint_name)

    assert engine.destroy().ok

    assert fake.serving.sites == {theirs: fake.serving.sites[theirs]}
    assert fake.serving.sites[theirs].view() == before


@pytest.mark.parametrize("moment", [1.0, 1_700_000_000.0])
def test_a_deadline_of_somebody_else_s_cancels_nothing(
    fake: FakeVertex, declare: Declare, moment: float
) -> None:
    fake.jobs.training_seconds = 1e6
    engine, plan = MiniEngine(), declare(service=AT_ONCE)
    assert engine.up(plan).ok
    for uri in claims_of(fake, "TuningJob"):
        edit(fake, uri, deadline=moment)
    engine.refresh()

    assert engine.up(plan).ok

    [job] = fake.jobs.all.values()
    assert not job.cancelling


def test_an_end_of_somebody_else_s_does_not_cancel_the_job_of_its_owner(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.training_seconds = 1e6
    mine, theirs = MiniEngine(), MiniEngine()
    assert mine.up(declare("dev", service=AT_ONCE)).ok
    for uri in claims_of(fake, "TuningJob"):
        edit(fake, uri, ending=1.0)

    assert theirs.up(declare("prod", service=AT_ONCE)).ok

    [job] = fake.jobs.all.values()
    assert not job.cancelling
    assert theirs.outputs("job")["job"] == mine.outputs("job")["job"]


UNREADABLE = {
    "no JSON": b"scribbled over",
    "another shape": b'{"id": 1}',
    "too large": b'{"id": "' + b"x" * 300_000 + b'"}',
    "not UTF-8": b"\xff\xfe",
    "nested": b"[" * 100_000,
    "empty": b"",
}
KINDS = ("TuningJob/0", "DeployedModel/projects/p/locations/us-central1/models/x", "Readiness/0", "notes")


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("key", KINDS)
def test_an_object_that_is_no_claim_keeps_nothing_alive(
    fake: FakeVertex, declare: Declare, content: bytes, key: str
) -> None:
    key = key.replace("projects/p/", f"projects/{PROJECT}/")
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    uri = f"{OUTPUT}/.claims/{key}.json"
    fake.storage.put(uri, content)

    engine.refresh()
    assert engine.up(plan).ok
    assert engine.destroy().ok

    assert fake.serving.sites == {}
    assert fake.storage.objects[uri].content == content, "it is somebody's"


def test_claims_of_ours_that_were_scribbled_over_keep_nothing_alive(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    for uri in claims_of(fake, ""):
        fake.storage.put(uri, b"scribbled over")

    assert engine.destroy().ok

    assert fake.serving.sites == {}
    assert fake.serving.registered == {}
    assert any("cannot be read" in line for line in said)


@pytest.mark.parametrize("how", ["gone", "scribbled over"])
def test_a_job_that_runs_without_its_claim_is_cancelled_with_its_stack(
    fake: FakeVertex, declare: Declare, said: list[str], how: str
) -> None:
    fake.jobs.training_seconds = 1e6
    engine = MiniEngine()
    assert engine.up(declare(service=AT_ONCE)).ok
    for uri in claims_of(fake, "TuningJob"):
        if how == "gone":
            del fake.storage.objects[uri]
        else:
            fake.storage.put(uri, b"scribbled over")

    assert engine.destroy().ok

    fake.clock.sleep(30)
    fake.world.advance()
    assert [job.state for job in fake.jobs.all.values()] == [JobState.CANCELLED]
    assert any("its claim was gone" in line for line in said)


def test_a_job_of_another_s_that_runs_without_its_claim_fails_the_destroy(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.training_seconds = 1e6
    engine = MiniEngine()
    assert engine.up(declare(service=AT_ONCE)).ok
    for uri in claims_of(fake, "TuningJob"):
        del fake.storage.objects[uri]
    [job] = fake.jobs.all.values()
    job.request = msgspec.structs.replace(job.request, labels=THEIRS)

    ran = engine.destroy()

    assert "is waiting and not cancelled" in ran.failed["job"] or "is running and not" in ran.failed["job"]
    assert job.name in ran.failed["job"]
    assert "\n" not in ran.failed["job"]
    assert not job.cancelling


def test_a_writer_whose_clock_is_slow_does_not_pay_twice(
    fake: FakeVertex, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.jobs.lag = 60.0
    fake.jobs.quota = 5
    mine, theirs = MiniEngine(), MiniEngine()
    monkeypatch.setattr(fake.clock, "time", lambda: fake.clock.at - 600)
    assert mine.up(declare("dev", service=AT_ONCE)).ok
    for uri in claims_of(fake, "TuningJob"):
        edit(fake, uri, resource="", operation="starting")
    monkeypatch.undo()

    theirs.up(declare("prod", service=AT_ONCE))

    assert len(fake.jobs.all) == 1
