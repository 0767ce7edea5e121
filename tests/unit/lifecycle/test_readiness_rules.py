"""What is missing fails the preview, at the key that says it."""

from collections.abc import Callable
from pathlib import Path

from tests.support.declared import OUTPUT, PROJECT, REGION, planned, spec_of, write_examples
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.readiness import ReadinessProvider
from vertex_tuning.specs import ServiceSpec


def test_a_missing_bucket_is_told_at_the_key_that_names_it(declare: Callable[..., ServicePlan]) -> None:
    plan = declare(service={"output_uri": "gs://no-such-bucket/models"})
    [failure] = ReadinessProvider().check({}, {**plan.declared["readiness"], "urn": "urn"}).failures or []
    assert failure.property == "output_uri"
    assert failure.reason.startswith("output bucket gs://no-such-bucket is not there")


def test_other_services_missing_buckets_are_told_with_this_ones(
    declare: Callable[..., ServicePlan], tmp_path: Path
) -> None:
    def service(name: str, output_uri: str) -> ServiceSpec:
        return spec_of(tmp_path / "train.jsonl", name=name, output_uri=output_uri)

    data = write_examples(tmp_path / "train.jsonl")
    own = spec_of(data, output_uri="gs://no-such-bucket/models")
    others = [own, service("a", "gs://nor-this-one/a"), service("b", OUTPUT)]
    refused = ReadinessProvider().check(
        {}, {**planned(own, beside=others).declared["readiness"], "urn": "urn"}
    )
    first, *rest = refused.failures or []
    assert first.reason.startswith("output bucket gs://no-such-bucket is not there")
    assert [failure.reason.partition(" is not")[0] for failure in rest] == [
        "service a: output bucket gs://nor-this-one"
    ]
    good = planned(spec_of(data), beside=others).declared["readiness"]
    assert ReadinessProvider().check({}, {**good, "urn": "urn"}).failures == [], "each refuses for itself"


def test_a_service_that_comes_beside_makes_no_difference(declare: Callable[..., ServicePlan]) -> None:
    alone = {**declare().declared["readiness"], "urn": "urn"}
    beside = {"service": "b", "project": PROJECT, "region": REGION, "output_uri": "gs://no-such-bucket/b"}
    assert ReadinessProvider().diff("", alone, {**alone, "beside": [beside]}).changes is False


def test_what_an_earlier_check_let_through_is_not_looked_at_again(
    declare: Callable[..., ServicePlan],
) -> None:
    as_before = {**declare().declared["readiness"], "urn": "urn", "region": "no-such-region-any-more"}
    assert ReadinessProvider().check(as_before, dict(as_before)).failures == []
