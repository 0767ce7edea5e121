"""Where a model is tuned and served: at global, in a region, in two regions, and what a move costs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import PROJECT, REGION
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.catalog import GLOBAL
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]
LLAMA = "meta/llama3_1@llama-3.1-8b"


def places(fake: FakeVertex) -> list[str]:
    return [name.split("/")[3] for name in fake.jobs.all]


PLACES: list[tuple[dict[str, Any], dict[str, Any], str, str, str]] = [
    ({}, {}, REGION, REGION, "the service's region for both"),
    ({"location": GLOBAL}, {}, GLOBAL, REGION, "tuned where Google likes"),
    ({"location": "europe-west4"}, {}, "europe-west4", REGION, "two regions"),
    ({}, {"serving": {"region": "europe-west1"}}, REGION, "europe-west1", "served where nothing is tuned"),
    ({}, {"region": "europe-west1"}, GLOBAL, "europe-west1", "a region where nothing is tuned"),
]


@pytest.mark.evidence("serving.any-region", side="plugin")
@pytest.mark.evidence("jobs.locations", side="plugin")
@pytest.mark.parametrize(
    ("tuning", "service", "tuned", "served", "why"), PLACES, ids=[case[4] for case in PLACES]
)
def test_a_model_is_tuned_and_served_where_it_is_declared(
    fake: FakeVertex,
    declare: Declare,
    tuning: dict[str, Any],
    service: dict[str, Any],
    tuned: str,
    served: str,
    why: str,
) -> None:
    engine, plan = MiniEngine(), declare(service=service, **tuning)
    assert engine.up(plan).ok, why
    assert places(fake) == [tuned]
    assert plan.endpoint_name is not None
    assert plan.endpoint_name.split("/")[3] == served
    assert fake.serving.endpoint(plan.endpoint_name) is not None
    assert engine.up(plan).quiet
    engine.refresh()
    assert engine.up(plan).quiet
    assert engine.destroy().ok
    assert fake.serving.endpoint(plan.endpoint_name) is None


MOVES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"location": GLOBAL}, {}, "from its region to global"),
    ({"location": "us-west1"}, {}, "to another region"),
    ({}, {"region": "us-west1"}, "with the endpoint"),
]


@pytest.mark.parametrize(("tuning", "service", "why"), MOVES, ids=[case[2] for case in MOVES])
def test_a_move_of_the_tuning_keeps_what_was_paid_for(
    fake: FakeVertex, declare: Declare, tuning: dict[str, Any], service: dict[str, Any], why: str
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    job = engine.outputs("job")["job"]
    assert engine.up(declare(service=service, **tuning)).ok, why
    assert engine.outputs("job")["job"] == job
    assert engine.up(declare(service={**service, "retrain": "deny"}, **tuning)).ok, "and nothing is denied"
    assert len(fake.jobs.all) == 1


def test_a_move_of_the_serving_makes_a_new_endpoint_and_removes_the_old_one(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, before, after = MiniEngine(), declare(), declare(service={"serving": {"region": "europe-west1"}})
    assert engine.up(before).ok
    assert engine.up(after).ok
    assert before.endpoint_name is not None
    assert after.endpoint_name is not None
    assert fake.serving.endpoint(before.endpoint_name) is None
    assert fake.serving.endpoint(after.endpoint_name) is not None
    assert len(fake.jobs.all) == 1


@pytest.mark.evidence("jobs.global-not-onboarded", side="plugin")
def test_a_model_that_global_does_not_take_is_tuned_in_the_services_region(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    fake.jobs.not_at_global.add(LLAMA)
    engine = MiniEngine()
    assert engine.up(declare(location=GLOBAL)).ok
    assert places(fake) == [REGION]
    assert [line for line in said if f"not tuned at {GLOBAL} but in {REGION}" in line]
    assert engine.up(declare(location=GLOBAL)).quiet


@pytest.mark.evidence("jobs.global-not-onboarded", side="plugin")
def test_without_a_region_that_tunes_it_is_refused_with_those_that_do(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.not_at_global.add(LLAMA)
    ran = MiniEngine().up(declare(service={"region": "europe-west1"}))
    assert not ran.ok
    assert "Set tuning.location to a region, one of us-central1" in str(ran.failed)
    assert places(fake) == []


@pytest.mark.evidence("jobs.global-makes-a-regional-job", side="plugin")
def test_a_job_at_global_is_counted_once(fake: FakeVertex, declare: Declare) -> None:
    first = declare(epochs=2, location=GLOBAL, service={"name": "invoices", "wait": False})
    assert MiniEngine().up(first).ok
    assert len(fake.jobs.active(PROJECT, REGION)) == len(fake.jobs.active(PROJECT, GLOBAL)) == 1
    engine = MiniEngine()
    assert engine.up(declare(service={"wait": False})).ok
    assert "1 job of this project ahead" in engine.outputs("job")["reason"]


def test_a_killed_submission_at_global_is_found_there(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    fake.fault("jobs.create", KeyboardInterrupt(), after=True)
    with pytest.raises(KeyboardInterrupt):
        engine.up(declare(location=GLOBAL))
    assert engine.up(declare(location=GLOBAL)).ok
    assert places(fake) == [GLOBAL]


def test_a_job_of_any_location_is_adopted(fake: FakeVertex, declare: Declare) -> None:
    other = MiniEngine()
    assert other.up(declare(location=GLOBAL)).ok
    job = other.outputs("job")["job"]
    engine, plan = (
        MiniEngine(),
        declare("prod", service={"adopt_job": job, "output_uri": "gs://test-bucket/prod"}),
    )
    assert engine.up(plan).ok
    assert engine.outputs("job")["job"] == job
    assert places(fake) == [GLOBAL]


def test_a_state_with_a_parameter_that_is_gone_is_refreshed_and_destroyed(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    entry = engine.live("job")
    assert entry is not None
    for written in (entry.inputs, entry.outputs):
        written["learning_rate_multiplier"] = 2.0
    engine.refresh()
    assert engine.up(declare()).ok
    assert engine.destroy().ok
    assert len(fake.jobs.all) == 1
