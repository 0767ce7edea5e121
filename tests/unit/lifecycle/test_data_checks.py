"""What only Cloud Storage can say of data is told in preview, and holds for an `up` too."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.declared import BUCKET
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine, program, wired
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import PermissionMissing

Declare = Callable[..., ServicePlan]
TRAINING, HELD_OUT = "gs://theirs/training.jsonl", "gs://theirs/held-out.jsonl"
PAIR = {"prompt": "What is a car?", "completion": " A road vehicle."}
CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
SCOUT = "meta/llama4@llama-4-scout-17b-16e-instruct"


def rows(row: Mapping[str, Any], count: int) -> bytes:
    return (json.dumps(row) + "\n").encode() * count


def about(uri: str) -> dict[str, Any]:
    """A chat about an image."""
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": uri}}]
    return {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A cat."}]}


@pytest.fixture
def fake() -> FakeVertex:
    fake = FakeVertex(BUCKET, "theirs")
    fake.storage.put(TRAINING, rows(PAIR, 100))
    fake.storage.put(HELD_OUT, rows(PAIR, 10))
    return fake


def previewed(plan: ServicePlan) -> str:
    """What a preview refuses of all data."""
    data = [each for each in program(plan) if each.name in ("training-data", "validation-data")]
    failures = [failure for each in data for failure in each.provider.check({}, wired(each.inputs)).failures]
    return "; ".join(failure.reason for failure in failures)


def refused(plan: ServicePlan, says: str) -> bool:
    """Whether both a preview and an `up` refuse the plan so."""
    ran = MiniEngine().up(plan)
    return says in previewed(plan) and any(says in text for text in ran.failed.values())


@pytest.mark.evidence("data.validation-share", side="plugin")
@pytest.mark.parametrize(
    ("content", "says", "why"),
    [
        (rows(PAIR, 25), "", "a quarter"),
        (rows(PAIR, 26), "26.00% of the", "more than a quarter"),
        (rows(CHAT, 1), "both files of a tuning need the same format", "two formats"),
    ],
    ids=["a quarter", "more", "two formats"],
)
@pytest.mark.parametrize("local", ["training_data", "validation_data", None])
def test_validation_data_are_held_against_training_data_wherever_both_lie(
    fake: FakeVertex, declare: Declare, tmp_path: Path, local: str | None, content: bytes, says: str, why: str
) -> None:
    fake.storage.put(HELD_OUT, content)
    tuning = {"training_data": TRAINING, "validation_data": HELD_OUT}
    if local is not None:
        path = tmp_path / "local.jsonl"
        path.write_bytes(fake.storage.objects[tuning[local]].content)
        tuning[local] = str(path)
    plan = declare(**tuning)
    if says and not (says.startswith("both") and local != "training_data"):
        assert refused(plan, says), why
    elif not says:
        assert previewed(plan) == "", why
        assert MiniEngine().up(plan).ok, why


@pytest.mark.parametrize("key", ["training_data", "validation_data"])
def test_a_packed_object_is_refused(fake: FakeVertex, declare: Declare, key: str) -> None:
    """It is unpacked for whoever downloads it, and not for Vertex AI."""
    uri = {"training_data": TRAINING, "validation_data": HELD_OUT}[key]
    fake.storage.put(uri, gzip.compress(rows(PAIR, 10)), "gzip")
    plan = declare(training_data=TRAINING, validation_data=HELD_OUT)
    assert refused(plan, f"{uri} is stored with Content-Encoding: gzip")
    assert fake.jobs.all == {}


def test_warnings_of_an_object_are_told_in_preview(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    fake.storage.put(TRAINING, rows(PAIR, 2) + rows({**PAIR, "label": False}, 3))
    assert previewed(declare(training_data=TRAINING)) == ""
    [line] = [line for line in said if "label" in line]
    assert line.startswith(f'warning: {TRAINING}: line 3: "label" is not read')
    assert line.endswith(", and 2 more like it")


@pytest.mark.evidence("data.images", side="plugin")
@pytest.mark.parametrize("where", ["bucket", "local"])
def test_images_are_looked_for(
    fake: FakeVertex, declare: Declare, said: list[str], tmp_path: Path, where: str
) -> None:
    content = rows(about("gs://theirs/cat.png"), 4)
    fake.storage.put(TRAINING, content)
    (tmp_path / "images.jsonl").write_bytes(content)
    source = TRAINING if where == "bucket" else str(tmp_path / "images.jsonl")
    plan = declare(training_data=source, base_model=SCOUT, mode="PEFT_ADAPTER")
    assert refused(plan, "the image gs://theirs/cat.png is not there; upload it")

    fake.storage.put("gs://theirs/cat.png", b"x")
    said.clear()
    assert previewed(plan) == ""
    assert any("images lie in theirs: " in line and "roles/storage.objectUser" in line for line in said), said


def test_images_that_nobody_may_look_at_are_a_warning(
    fake: FakeVertex, declare: Declare, said: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "images.jsonl"
    path.write_bytes(rows(about("gs://theirs/cat.png"), 4))
    fake.fault("storage.stat", PermissionMissing("no role"))
    assert previewed(declare(training_data=str(path), base_model=SCOUT, mode="PEFT_ADAPTER")) == ""
    assert "warning: not checked: the image gs://theirs/cat.png: no role" in said


@pytest.mark.evidence("data.images-not-mixed", side="plugin")
@pytest.mark.parametrize(
    ("model", "content", "says", "why"),
    [
        (SCOUT, rows(PAIR, 4), "", "text only"),
        (SCOUT, rows(about("gs://theirs/a.png"), 4), "", "images only"),
        (
            SCOUT,
            rows(CHAT, 3) + rows(about("gs://theirs/a.png"), 1),
            "examples with images: 1, without: 3",
            "one image drops the three others",
        ),
        (
            "meta/llama3_1@llama-3.1-8b",
            rows(about("gs://theirs/a.png"), 1),
            "reads text only",
            "a model without eyes",
        ),
    ],
    ids=["text", "images", "mixed", "no images"],
)
def test_images_fit_the_model(
    fake: FakeVertex, declare: Declare, model: str, content: bytes, says: str, why: str
) -> None:
    fake.storage.put("gs://theirs/a.png", b"x")
    fake.storage.put(TRAINING, content)
    plan = declare(training_data=TRAINING, base_model=model, mode="PEFT_ADAPTER")
    if says:
        assert refused(plan, says), why
    else:
        assert previewed(plan) == "", why
