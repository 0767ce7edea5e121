"""What goes up under the hash of a local file is that file's bytes, or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.declared import BUCKET, planned, spec_of, write_examples
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]


@pytest.fixture
def training(tmp_path: Path, said: list[str]) -> Path:
    return write_examples(tmp_path / "uploaded.jsonl")


def uploaded(fake: FakeVertex) -> list[str]:
    return fake.storage.below(f"gs://{BUCKET}/out/datasets")


def test_a_file_that_was_edited_after_the_plan_is_not_kept(fake: FakeVertex, training: Path) -> None:
    plan = planned(spec_of(training))
    write_examples(training, rows=5)

    refused = MiniEngine().up(plan)

    assert "was edited after it had been read" in refused.failed["training-data"]
    assert uploaded(fake) == []
    write_examples(training)
    assert MiniEngine().up(plan).ok


def test_an_object_with_other_bytes_than_its_name_says_is_not_trusted(
    fake: FakeVertex, training: Path
) -> None:
    plan = planned(spec_of(training))
    assert plan.tuning is not None
    uri = plan.tuning.training.uri
    fake.storage.put(uri, b"other bytes")

    refused = MiniEngine().up(plan)

    assert f"gcloud storage rm {uri}" in refused.failed["training-data"]
    assert fake.jobs.all == {}
    fake.storage.delete(uri)
    assert MiniEngine().up(plan).ok


def test_an_object_that_is_exchanged_later_is_found_by_a_refresh(
    fake: FakeVertex, training: Path, said: list[str]
) -> None:
    plan, engine = planned(spec_of(training)), MiniEngine()
    assert engine.up(plan).ok
    assert plan.tuning is not None
    fake.storage.put(plan.tuning.training.uri, b"other bytes")
    for _ in range(2):
        engine.refresh()
        assert "does not hold the bytes" in engine.outputs("training-data")["reason"], (
            "however often it looks"
        )
    assert any(line.startswith("warning: ") and "does not hold the bytes" in line for line in said)
