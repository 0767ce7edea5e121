"""What is missing fails the preview, at the key that says it."""

from collections.abc import Callable

from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.readiness import ReadinessProvider


def test_a_missing_bucket_is_told_at_the_key_that_names_it(declare: Callable[..., ServicePlan]) -> None:
    plan = declare(service={"output_uri": "gs://no-such-bucket/models"})
    [failure] = ReadinessProvider().check({}, {**plan.readiness, "urn": "urn"}).failures or []
    assert failure.property == "output_uri"
    assert failure.reason.startswith("output bucket gs://no-such-bucket is not there")


def test_what_an_earlier_check_let_through_is_not_looked_at_again(
    declare: Callable[..., ServicePlan],
) -> None:
    as_before = {**declare().readiness, "urn": "urn", "region": "no-such-region-any-more"}
    assert ReadinessProvider().check(as_before, dict(as_before)).failures == []
