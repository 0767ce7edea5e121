"""`retrain: deny`, and a job that is adopted: what is paid for, and what is taken for the declared tuning."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import OUTPUT, planned, spec_of, write_examples
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import InvalidRequest, QuotaExceeded

Declare = Callable[..., ServicePlan]
DENIED: dict[str, Any] = {"retrain": "deny", "serve": False}


def lose(fake: FakeVertex, what: str) -> None:
    """Take away what stands for a tuning outside."""
    fake.storage.objects = {uri: blob for uri, blob in fake.storage.objects.items() if what not in uri}


def test_what_was_lost_is_not_paid_for_again(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare(service=DENIED)).ok
    fake.jobs.all.clear()
    lose(fake, OUTPUT)
    engine.refresh()

    assert "its claim are gone" in engine.up(declare(service=DENIED)).failed["job"]

    assert fake.jobs.all == {}
    assert engine.up(declare(service=DENIED | {"retrain": "allow"})).ok
    assert len(fake.jobs.all) == 1


def test_a_first_tuning_that_waits_in_line_is_not_lost(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service=DENIED | {"wait": False})
    fake.fault("jobs.create", QuotaExceeded("nothing free"))
    assert engine.up(plan).ok
    fake.clock.sleep(fake.connection.grace_seconds)
    engine.refresh()

    assert engine.up(plan).ok

    assert len(fake.jobs.all) == 1


@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no wait"])
def test_a_failed_job_is_not_run_again_though_a_policy_covers_it(
    fake: FakeVertex, declare: Declare, said: list[str], *, wait: bool
) -> None:
    fake.jobs.failing = [(13, "the data centre is on fire")]
    engine, service = MiniEngine(), DENIED | {"wait": wait}
    for _ in range(4):
        ran = engine.up(declare(service=service, retry={"attempts": 3}))
        fake.clock.sleep(0 if wait else 60)

    assert "the data centre is on fire" in ran.failed["model"]
    assert len(fake.jobs.all) == 1
    assert not [line for line in said if "pay for the tuning again" in line], "nor is it announced"

    assert not engine.up(declare(service=service, retry={"attempts": 3})).ok
    for _ in range(4):
        ran = engine.up(declare(service=service | {"retrain": "allow"}, retry={"attempts": 3}))
        fake.clock.sleep(0 if wait else 600)
    assert ran.ok, "allowed, the policy counts"
    assert len(fake.jobs.all) == 2


@pytest.mark.parametrize("moved", [{"region": "us-west1"}, {"project": "other-project"}], ids=str)
def test_a_move_pays_nothing_and_is_not_denied(
    fake: FakeVertex, declare: Declare, moved: dict[str, Any]
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(service=DENIED)).ok

    assert engine.up(declare(service=DENIED | moved)).ok

    assert len(fake.jobs.all) == 1


def test_a_move_of_what_is_gone_is_denied(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare(service=DENIED)).ok
    fake.jobs.all.clear()
    lose(fake, OUTPUT)

    entry = engine.live("job")
    assert entry is not None
    with pytest.raises(InvalidRequest, match="project changed, which would tune again and cost money"):
        entry.provider.diff(entry.id, entry.outputs, entry.inputs | {"project": "other-project"})


PEFT = {"mode": "PEFT_ADAPTER", "adapter_size": 8}
DIFFERENT: list[tuple[dict[str, Any], str]] = [
    ({"epochs": 2}, "epochs is 1, not 2"),
    ({"learning_rate": 0.9}, "learning_rate is 0.1, not 0.9"),
    ({"batch_size": 8}, "batch_size is 4, not 8"),
    ({"adapter_size": 16}, "adapter_size is 8, not 16"),
    ({"custom_base_model": "gs://test-bucket/base"}, "custom_base_model is None, not gs://test-bucket/base"),
    ({"rows": 9}, "training_uri is gs://test-bucket/out/datasets/"),
]


@pytest.mark.parametrize(("declared", "why"), DIFFERENT, ids=[next(iter(case[0])) for case in DIFFERENT])
def test_a_job_that_is_not_what_is_declared_is_not_adopted(
    fake: FakeVertex, declare: Declare, tmp_path: Any, declared: dict[str, Any], why: str
) -> None:
    other = MiniEngine()
    trained = {**PEFT, "learning_rate": 0.1, "batch_size": 4}
    assert other.up(declare("other", service={"serve": False}, **trained)).ok
    rows, edited = declared.get("rows", 3), {key: declared[key] for key in declared if key != "rows"}
    data = write_examples(tmp_path / f"{rows}.jsonl", rows)
    adopting = {"adopt_job": other.outputs("job")["job"], "output_uri": "gs://test-bucket/elsewhere"}

    ran = MiniEngine().up(planned(spec_of(data, tuning=trained | edited, serve=False, **adopting)))

    assert why in ran.failed["job"]


def test_a_job_that_is_what_is_declared_is_adopted(fake: FakeVertex, declare: Declare, tmp_path: Any) -> None:
    other, trained = MiniEngine(), {**PEFT, "learning_rate": 0.1, "batch_size": 4}
    assert other.up(declare("other", service={"serve": False}, **trained)).ok
    adopting = {"adopt_job": other.outputs("job")["job"], "output_uri": "gs://test-bucket/elsewhere"}
    data = write_examples(tmp_path / "of the same content.jsonl")

    assert MiniEngine().up(planned(spec_of(data, tuning=trained, serve=False, **adopting))).ok


def test_data_that_cannot_be_compared_are_told(fake: FakeVertex, said: list[str], declare: Declare) -> None:
    other = MiniEngine()
    assert other.up(declare("other", service={"serve": False})).ok
    lose(fake, "/out/datasets/")
    adopting = {"adopt_job": other.outputs("job")["job"], "output_uri": "gs://test-bucket/elsewhere"}

    assert MiniEngine().up(declare(service={"serve": False} | adopting)).ok

    assert [line for line in said if "could not be compared" in line]
