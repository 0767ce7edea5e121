"""What a tuning reads of a user's object is one generation, known for good; other bytes are another tuning."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION, planned
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine, program, wired
from vertex_tuning import lineage
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.tuning_dataset.checks import PREVIEW_BYTES
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.vertex.errors import PermissionMissing, QuotaExceeded

Declare = Callable[..., ServicePlan]
DATA = "gs://theirs/examples.jsonl"
STAGING, PROD = f"gs://{BUCKET}/staging", f"gs://{BUCKET}/prod"


def rows(count: int) -> bytes:
    return b"".join(json.dumps({"prompt": f"{n}", "completion": " x"}).encode() + b"\n" for n in range(count))


@pytest.fixture
def fake() -> FakeVertex:
    fake = FakeVertex(BUCKET, "theirs")
    fake.storage.put(DATA, rows(3))
    return fake


def declared(declare: Declare, service: dict[str, Any] | None = None, **tuning: Any) -> ServicePlan:
    return declare(service=service, **{"training_data": DATA, **tuning})


def read(fake: FakeVertex) -> list[bytes]:
    """The bytes that each job was given."""
    return [fake.storage.objects[job.request.training_uri].content for job in fake.jobs.all.values()]


def written(fake: FakeVertex, plan: ServicePlan) -> lineage.Lineage:
    assert plan.tuning is not None
    return lineage.read(fake.storage.objects[lineage.uri_of(plan.tuning.artifacts_uri)].content)


@pytest.mark.parametrize("pinned", [False, True], ids=["as it is", "#GENERATION"])
def test_a_job_reads_a_copy_of_one_generation_and_the_lineage_says_which(
    fake: FakeVertex, declare: Declare, *, pinned: bool
) -> None:
    generation = fake.storage.objects[DATA].generation
    plan = declared(declare, training_data=f"{DATA}#{generation}" if pinned else DATA)
    engine = MiniEngine()
    assert engine.up(plan).ok
    fake.storage.put(DATA, rows(5))

    assert read(fake) == [rows(3)], "whenever the job comes to read it"
    said = written(fake, plan).training
    assert said.generation == str(generation)
    copied = fake.storage.stat(said.uri)
    assert copied is not None
    assert said.crc32c == copied.crc32c
    assert engine.outputs("training-data")["examples"] == 3
    assert engine.up(plan).quiet


def test_an_overwritten_object_is_told_on_refresh_and_what_was_pinned_stays(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    plan, engine = declared(declare), MiniEngine()
    assert engine.up(plan).ok
    before = engine.outputs("training-data")
    fake.storage.put(DATA, rows(5))
    engine.refresh()
    after = engine.outputs("training-data")
    assert (after["generation"], after["crc32c"]) == (before["generation"], before["crc32c"])
    assert "was overwritten" in after["reason"]
    assert any("set attempt one higher" in line for line in said)
    assert engine.up(plan).quiet, "nothing is tuned by itself"


@pytest.mark.parametrize(
    ("edit", "why"),
    [({"attempt": 2}, "asked for once more"), ({"epochs": 2}, "another tuning of the same URI")],
)
def test_the_next_tuning_reads_validates_and_pins_it_as_it_is_then(
    fake: FakeVertex, declare: Declare, edit: dict[str, Any], why: str
) -> None:
    engine = MiniEngine()
    assert engine.up(declared(declare)).ok
    fake.storage.put(DATA, b'{"prompt": "a"}\n')
    refused = engine.up(declared(declare, **edit))
    assert "line 1" in refused.failed["training-data"], why
    assert len(fake.jobs.all) == 1

    fake.storage.put(DATA, rows(5))
    assert engine.up(declared(declare, **edit)).ok
    assert engine.outputs("training-data")["examples"] == 5
    assert read(fake) == [rows(3), rows(5)]


def test_weights_of_other_bytes_are_not_taken_up_in_silence(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declared(declare)).ok
    [job] = fake.jobs.all
    assert engine.destroy().ok
    fake.storage.put(DATA, rows(5))

    refused = engine.up(declared(declare))
    assert f"{DATA} holds other bytes" in refused.failed["job"]
    assert "set attempt one higher" in refused.failed["job"]
    assert f"adopt_job: {job}" in refused.failed["job"]

    assert engine.up(declared(declare, {"adopt_job": job})).ok, "the one way out"
    assert list(fake.jobs.all) == [job]
    assert engine.up(declared(declare, attempt=2)).ok, "the other"
    assert read(fake) == [rows(3), rows(5)]


def test_the_same_bytes_in_a_new_generation_are_the_same(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declared(declare)).ok
    assert engine.destroy().ok
    fake.storage.put(DATA, rows(3))
    assert engine.up(declared(declare)).ok
    assert len(fake.jobs.all) == 1


def test_what_a_forgotten_job_has_read_is_in_its_lineage(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declared(declare)).ok
    assert engine.destroy().ok
    fake.jobs.all.clear()
    fake.storage.put(DATA, rows(5))
    refused = engine.up(declared(declare))
    assert "artifacts_uri: " in refused.failed["job"]


def test_another_stack_s_tuning_of_other_bytes_is_not_reused(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    assert MiniEngine().up(declared(declare, {"output_uri": STAGING})).ok
    [job] = fake.jobs.all
    fake.storage.put(DATA, rows(5))
    said.clear()
    denied = MiniEngine().up(declared(declare, {"output_uri": PROD, "retrain": "deny"}, reuse="project"))
    assert "no succeeded job of project" in denied.failed["job"]
    assert any(f"{job} is not used: {DATA} holds other bytes" in line for line in said), said

    assert MiniEngine().up(declared(declare, {"output_uri": PROD}, reuse="project")).ok
    assert read(fake) == [rows(3), rows(5)]


def test_another_stack_s_tuning_of_the_same_bytes_is_reused(fake: FakeVertex, declare: Declare) -> None:
    assert MiniEngine().up(declared(declare, {"output_uri": STAGING})).ok
    assert MiniEngine().up(declared(declare, {"output_uri": PROD, "retrain": "deny"}, reuse="project")).ok
    assert len(fake.jobs.all) == 1


BROKEN = b'{"prompt": "broken"}\n'


@pytest.mark.parametrize("wait", [False, True])
def test_a_job_that_waits_in_line_reads_what_was_validated(
    fake: FakeVertex, declare: Declare, monkeypatch: pytest.MonkeyPatch, *, wait: bool
) -> None:
    fake.fault("jobs.create", QuotaExceeded("full"))
    engine, plan = MiniEngine(), declared(declare, {"serve": False, "wait": wait})
    sleep = fake.clock.sleep

    def overwritten(seconds: float) -> None:
        if "jobs.create" in fake.world.calls:
            fake.storage.put(DATA, BROKEN)
        sleep(seconds)

    monkeypatch.setattr(fake.clock, "sleep", overwritten)
    for _ in range(3):
        assert engine.up(plan).ok
        fake.clock.sleep(200)

    assert read(fake) == [rows(3)]
    [job] = fake.jobs.all.values()
    assert job.request.training_uri == engine.outputs("training-data")["copy"]


def test_a_job_that_follows_a_failed_one_reads_the_same(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.failing = [(13, "internal")]
    engine, plan = MiniEngine(), declared(declare, {"serve": False, "wait": False}, retry={"attempts": 2})
    assert engine.up(plan).ok
    fake.storage.put(DATA, BROKEN)
    for _ in range(4):
        fake.clock.sleep(200)
        assert engine.up(plan).ok
    assert read(fake) == [rows(3), rows(3)]


def test_services_that_validated_different_generations_read_each_its_own(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.fault("jobs.create", QuotaExceeded("full"))
    service = {"serve": False, "wait": False}
    first, second = MiniEngine(), MiniEngine()
    waiting = declared(declare, service)
    assert first.up(waiting).ok
    fake.storage.put(DATA, rows(5))
    assert second.up(declare("other", service=service, training_data=DATA, epochs=2)).ok
    fake.clock.sleep(200)

    assert first.up(waiting).ok

    assert read(fake) == [rows(5), rows(3)]


def test_a_copy_that_is_gone_is_not_made_of_what_is_there_by_now(fake: FakeVertex, declare: Declare) -> None:
    fake.fault("jobs.create", QuotaExceeded("full"))
    service = {"serve": False, "wait": False}
    engine = MiniEngine()
    assert engine.up(declared(declare, service)).ok
    copy = engine.outputs("training-data")["copy"]
    del fake.storage.objects[copy]
    fake.storage.put(DATA, BROKEN)
    fake.clock.sleep(200)

    refused = engine.up(declared(declare, service))

    assert f"{DATA}: {copy}, the copy that was to be tuned on, is not there" in refused.failed["job"]
    assert "Set attempt one higher" in refused.failed["job"]
    assert fake.jobs.all == {}
    fake.storage.put(DATA, rows(4))
    assert engine.up(declared(declare, service, attempt=2)).ok
    assert read(fake) == [rows(4)]


UNFIT = [
    (None, "is not there", "a typing error"),
    (b"", "the file holds no example", "an empty object"),
    (b'{"prompt": "a"}\n', "line 1", "half an example"),
    (rows(1) + b'{"messages": [{"role": "user", "content": "a"}]}\n', "line 2", "two formats"),
]


@pytest.mark.parametrize(("content", "problem", "why"), UNFIT, ids=[case[2] for case in UNFIT])
def test_unfit_objects_fail_the_preview(
    fake: FakeVertex, declare: Declare, content: bytes | None, problem: str, why: str
) -> None:
    if content is None:
        del fake.storage.objects[DATA]
    else:
        fake.storage.put(DATA, content)
    plan = declared(declare)
    assert problem in _checked(plan), why
    assert _checked(declared(declare, {"check_in_preview": False})) == "", "the same up may make it"


def _checked(plan: ServicePlan, name: str = "training-data") -> str:
    """What a preview refuses of the data."""
    [data] = [each for each in program(plan) if each.name == name]
    return "; ".join(failure.reason for failure in data.provider.check({}, wired(data.inputs)).failures)


def test_a_preview_reads_no_large_object_and_says_when_it_may_not_look(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    fake.storage.put(DATA, b"x" * (PREVIEW_BYTES + 1))
    assert _checked(declared(declare)) == ""
    fake.fault("storage.stat", PermissionMissing("no role"))
    assert _checked(declared(declare)) == ""
    assert "warning: not checked: no role" in said


def test_given_weights_that_are_not_there_fail_the_preview(fake: FakeVertex, declare: Declare) -> None:
    nowhere = f"gs://{BUCKET}/nowhere"
    refused = MiniEngine().up(declare(custom_base_model=nowhere))
    assert f"no weights at {nowhere}" in refused.failed["job"]
    assert fake.jobs.all == {}
    refused = MiniEngine().up(declare(custom_base_model="gs://no-such-bucket/x"))
    assert "no weights at gs://no-such-bucket/x: " in refused.failed["job"]
    for name in ("config.json", "model.safetensors"):
        fake.storage.put(f"{nowhere}/{name}", b"x")
    assert MiniEngine().up(declare(custom_base_model=nowhere)).ok


def test_a_folder_without_weights_is_not_served(fake: FakeVertex, said: list[str]) -> None:
    nowhere = f"gs://{BUCKET}/nowhere"
    given = {"name": "tickets", "project": PROJECT, "region": REGION, "output_uri": OUTPUT}
    plan = planned(ServiceSpec.model_validate({**given, "artifacts_uri": nowhere}))
    [model] = [each for each in program(plan) if each.name == "model"]
    [failure] = model.provider.check({}, wired(model.inputs)).failures
    assert f"no weights at {nowhere}" in failure.reason
