"""One tuning serves several stacks: it is paid for once, and neither its owner nor a reader harms the other."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import BUCKET
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.client import JobState
from vertex_tuning.vertex.errors import PermissionMissing

Declare = Callable[..., ServicePlan]
STAGING, PROD = "gs://staging-bucket/out", f"gs://{BUCKET}/prod"


@pytest.fixture
def fake() -> FakeVertex:
    return FakeVertex(BUCKET, "staging-bucket")


def staging(declare: Declare, service: dict[str, Any] | None = None, **tuning: Any) -> ServicePlan:
    return declare("staging", service={"output_uri": STAGING, **(service or {})}, **tuning)


def prod(declare: Declare, service: dict[str, Any] | None = None, **tuning: Any) -> ServicePlan:
    return declare("prod", service={"output_uri": PROD, **(service or {})}, reuse="project", **tuning)


def shares(fake: FakeVertex, plan: ServicePlan) -> list[int]:
    assert plan.endpoint_name is not None
    site = fake.serving.endpoint(plan.endpoint_name)
    return [site.traffic.get(each.id, 0) for each in site.deployed] if site else []


def states(fake: FakeVertex) -> list[JobState]:
    fake.world.advance()
    return [job.state for job in fake.jobs.all.values()]


def claim(fake: FakeVertex, plan: ServicePlan, root: str = STAGING) -> tuple[str, list[str]]:
    """Owner and readers of a tuning."""
    assert plan.tuning is not None
    held = Claims(fake.storage, root).read(f"TuningJob/{plan.tuning.fingerprint}", "")
    assert held is not None
    return held.claim.owner, [waiter.owner for waiter in held.claim.waiters]


def test_prod_uses_what_staging_tuned_and_says_so_before(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    tested, served = staging(declare), prod(declare)
    assert MiniEngine().up(tested).ok
    said.clear()
    reader = MiniEngine()
    assert reader.up(served).ok

    [job] = fake.jobs.all
    assert f"uses {job} of tests/staging/tickets, pays nothing" in said
    assert not any("starts a paid tuning" in line for line in said)
    assert states(fake) == [JobState.SUCCEEDED]
    assert shares(fake, served) == [100]
    assert reader.outputs("job")["owned"] is False
    assert claim(fake, tested) == ("tests/staging/tickets", ["tests/prod/tickets"])
    assert reader.up(served).quiet


@pytest.mark.parametrize("delete_artifacts", [False, True])
def test_the_reader_goes_and_leaves_everything_to_the_owner(
    fake: FakeVertex, declare: Declare, *, delete_artifacts: bool
) -> None:
    tested = staging(declare)
    served = prod(declare, {"delete_artifacts": delete_artifacts})
    owner, reader = MiniEngine(), MiniEngine()
    assert owner.up(tested).ok
    assert reader.up(served).ok

    assert reader.destroy().ok

    assert claim(fake, tested) == ("tests/staging/tickets", [])
    assert shares(fake, tested) == [100]
    assert tested.tuning is not None
    assert fake.storage.is_model(tested.tuning.artifacts_uri)
    assert owner.up(tested).quiet
    assert reader.up(served).ok
    assert claim(fake, tested) == ("tests/staging/tickets", ["tests/prod/tickets"]), "back in line"


def test_the_owner_goes_and_names_the_reader_who_serves_on(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    tested, served = staging(declare), prod(declare)
    owner, reader = MiniEngine(), MiniEngine()
    assert owner.up(tested).ok
    assert reader.up(served).ok
    said.clear()

    assert owner.destroy().ok

    assert any("it is tests/prod/tickets's from now on" in line for line in said), said
    assert tested.tuning is not None
    assert fake.storage.is_model(tested.tuning.artifacts_uri)
    assert shares(fake, served) == [100]
    assert reader.up(served).quiet
    assert reader.destroy().ok
    assert claim(fake, tested) == ("", []), "it is left to whoever wants it"
    assert MiniEngine().up(tested).ok
    assert states(fake) == [JobState.SUCCEEDED], "which pays nothing again"


def test_what_nobody_has_tuned_is_tuned_and_told(fake: FakeVertex, declare: Declare, said: list[str]) -> None:
    assert MiniEngine().up(prod(declare)).ok
    assert states(fake) == [JobState.SUCCEEDED]
    assert any("starts a paid tuning" in line for line in said)


def test_with_retrain_deny_it_never_pays(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    refused = engine.up(prod(declare, {"retrain": "deny"}))
    assert "no succeeded job of project" in refused.failed["job"]
    assert fake.jobs.all == {}

    for epochs in (2, 3):
        assert MiniEngine().up(staging(declare, epochs=epochs)).ok
        assert engine.up(prod(declare, {"retrain": "deny"}, epochs=epochs)).ok, "each is promoted"
    assert len(fake.jobs.all) == 2

    refused = engine.up(prod(declare, {"retrain": "deny"}, epochs=4))
    assert "tune it where it is tested first" in refused.failed["job"]
    assert len(fake.jobs.all) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"epochs": 2}, "another tuning"),
        ({"attempt": 2}, "the same once more, as asked for"),
    ],
)
def test_only_the_same_fingerprint_is_the_same(
    fake: FakeVertex, declare: Declare, change: dict[str, Any], why: str
) -> None:
    assert MiniEngine().up(staging(declare)).ok
    assert MiniEngine().up(prod(declare, **change)).ok
    assert len(fake.jobs.all) == 2, why


def test_a_job_that_failed_or_whose_weights_are_gone_is_not_reused(
    fake: FakeVertex, declare: Declare
) -> None:
    fake.jobs.failing.append((13, "no luck"))
    assert not MiniEngine().up(staging(declare)).ok
    assert MiniEngine().up(prod(declare)).ok
    assert states(fake) == [JobState.FAILED, JobState.SUCCEEDED]


def test_another_region_of_the_project_counts_too(fake: FakeVertex, declare: Declare) -> None:
    assert MiniEngine().up(staging(declare, {"region": "europe-west4"})).ok
    assert MiniEngine().up(prod(declare)).ok
    assert states(fake) == [JobState.SUCCEEDED]


def test_a_preview_that_may_not_look_says_so(fake: FakeVertex, declare: Declare, said: list[str]) -> None:
    assert MiniEngine().up(staging(declare)).ok
    fake.fault("jobs.labelled", PermissionMissing("no role"))
    said.clear()
    assert MiniEngine().up(prod(declare)).ok
    assert "warning: not checked: no role" in said
    assert states(fake) == [JobState.SUCCEEDED], "the up looks again"


def test_an_owner_who_cannot_be_told_is_named(
    fake: FakeVertex, declare: Declare, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MiniEngine().up(staging(declare)).ok

    def refused(self: Claims, key: str, owner: str, token: str) -> None:
        raise PermissionMissing("read only")

    monkeypatch.setattr(Claims, "join", refused)
    assert MiniEngine().up(prod(declare)).ok
    assert any(f"{STAGING} may not be written to" in line for line in said)
    assert shares(fake, prod(declare)) == [100]
