"""What has to be so before money is spent, on the embedded service: with its faults, and its real limits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.declared import planned, spec_of, write_examples
from tests.support.emulator import RunningEmulator
from tests.support.mini_engine import MiniEngine, Ran, wired
from tests.support.plain import Plain
from vertex_tuning.lifecycle import process
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.readiness import ReadinessProvider
from vertex_tuning.vertex.connection import ENDPOINT

Declare = Callable[..., ServicePlan]
DEPLOYER = "as in the custom role vertexTuningDeployer, docs/permissions.md"
BUCKET = "as in the custom role vertexTuningBucket, docs/permissions.md"


@pytest.fixture
def declare(plain: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """A service's plan in a project of the test's own, with its bucket: `declare(epochs=2)` edits the tuning."""
    plain.put("there", b"")
    monkeypatch.setenv(ENDPOINT, plain.url)
    training = write_examples(tmp_path / "train.jsonl", 8)

    def declared(name: str = "tickets", serving: dict[str, Any] | None = None, **tuning: Any) -> ServicePlan:
        place = {"project": plain.project, "output_uri": f"gs://{plain.bucket}/out"}
        return planned(spec_of(training, **place, name=name, serving=serving or {}, tuning=tuning))

    return declared


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings that a user sees."""
    seen: list[str] = []

    def say(_urn: str, text: str, *, passing: bool = False, warning: bool = False) -> None:
        if warning and not passing:
            seen.append(text)

    monkeypatch.setattr(process, "say", say)
    return seen


UNCHECKED = {
    "billing": (r"/billingInfo", 403, f"(needs resourcemanager.projects.get, {DEPLOYER})"),
    "the APIs": (r"/services:batchGet", 403, f"(needs serviceusage.services.get, {DEPLOYER})"),
    "the output bucket": (r"/storage/v1/b/[^/]+/o\?", 403, f"(needs storage.objects.list, {BUCKET})"),
    "the serving quota": (
        r"/quotaInfos/CustomModelServingL4",
        403,
        f"(needs aiplatform.endpoints.list, cloudquotas.quotas.get, {DEPLOYER})",
    ),
    "the tuning quota": (r"/quotaPreferences", 403, f"(needs cloudquotas.quotas.get, {DEPLOYER})"),
}


@pytest.mark.parametrize("check", UNCHECKED)
def test_what_cannot_be_checked_warns_with_its_mend_and_is_not_missing(
    declare: Declare, emulator: RunningEmulator, warned: list[str], check: str
) -> None:
    path, status, mend = UNCHECKED[check]
    plan = declare()
    emulator.admin.fault(path, "fail_before", method="GET", times=1, status=status)

    found = ReadinessProvider().check({}, {**wired(plan.declared["readiness"]), "urn": "urn"})

    assert found.failures == [], "it is not known to be missing"
    [warning] = [text for text in warned if text.startswith(f"not checked: {check}: ")]
    assert warning.endswith(mend)


def test_what_is_known_to_be_missing_fails_beside_what_cannot_be_checked(
    declare: Declare, emulator: RunningEmulator, plain: Plain, warned: list[str]
) -> None:
    emulator.admin.project(plain.project, tuning_quota=0)
    emulator.admin.fault(r"/billingInfo", "fail_before", method="GET", times=None, status=403)

    ran = MiniEngine().up(declare())

    assert "is 0" in ran.failed["readiness"]
    assert "billing" not in ran.failed["readiness"]
    assert any(text.startswith("not checked: billing: ") for text in warned)
    assert ran.made == []


def test_apis_that_only_checks_use_may_be_off(
    declare: Declare, emulator: RunningEmulator, plain: Plain, warned: list[str]
) -> None:
    on = ["aiplatform.googleapis.com", "storage.googleapis.com", "serviceusage.googleapis.com"]
    emulator.admin.project(plain.project, services=on)

    ran = MiniEngine().up(declare())

    assert ran.ok, ran.failed
    off = "cloudbilling.googleapis.com, cloudquotas.googleapis.com"
    assert any(
        text.startswith(f"not checked: APIs that checks use are off: {off} (gcloud ") for text in warned
    )
    assert any("cloudbilling.googleapis.com has not been used in project" in text for text in warned)


def test_an_api_that_the_work_uses_is_missed(
    declare: Declare, emulator: RunningEmulator, plain: Plain
) -> None:
    emulator.admin.project(plain.project, services=["storage.googleapis.com", "serviceusage.googleapis.com"])
    assert (
        "APIs are off: aiplatform.googleapis.com (gcloud " in MiniEngine().up(declare()).failed["readiness"]
    )


@pytest.mark.evidence("prerequisites.quota-project", side="plugin")
def test_a_users_own_credentials_count_against_the_project_that_is_looked_at(
    declare: Declare, emulator: RunningEmulator, plain: Plain, warned: list[str]
) -> None:
    emulator.admin.project(plain.project, user_credentials=True)
    plan = declare(name="other")

    assert ReadinessProvider().check({}, {**wired(plan.declared["readiness"]), "urn": "urn"}).failures == []
    assert warned == []


@pytest.mark.evidence("quotas.tuning-id", side="plugin")
def test_a_tuning_quota_that_is_not_found_is_told(
    declare: Declare, emulator: RunningEmulator, warned: list[str]
) -> None:
    emulator.admin.fault(r"/quotaInfos", "fail_before", method="GET", times=None, status=404)
    ReadinessProvider().check({}, {**wired(declare().declared["readiness"]), "urn": "urn"})
    assert any("none called GlobalConcurrentManagedOssModelTuningJobs or '" in text for text in warned)


@pytest.mark.evidence("quotas.by-maximum", side="plugin")
@pytest.mark.evidence("quotas.preemptible", side="plugin")
@pytest.mark.parametrize(
    ("serving", "quotas", "missing"),
    [
        pytest.param(
            {"max_replicas": 3},
            {"l4_per_region": 2},
            "serving needs 3 x NVIDIA_L4 and 2 of 2",
            id="by maximum",
        ),
        pytest.param(
            {"spot": True},
            {"serving_quotas": {"CustomModelServingPreemptibleL4GPUsPerProjectPerRegion": 0}},
            "serving needs 1 x preemptible NVIDIA_L4 and 0 of 0",
            id="spot machines by their own",
        ),
        pytest.param(
            {"flex_start": {"max_runtime": "12h"}},
            {"serving_quotas": {"CustomModelServingPreemptibleL4GPUsPerProjectPerRegion": 0}},
            "serving needs 1 x preemptible NVIDIA_L4 and 0 of 0",
            id="flex-start machines too",
        ),
        pytest.param({"spot": True}, {"l4_per_region": 0}, "", id="the other family does not count"),
        pytest.param(
            {
                "machine_type": "a2-highgpu-1g",
                "accelerator_type": "NVIDIA_TESLA_A100",
                "accelerator_count": 1,
            },
            {"serving_quotas": {"CustomModelServingA100GPUsPerProjectPerRegion": 0}},
            "serving needs 1 x NVIDIA_TESLA_A100 and 0 of 0",
            id="an accelerator whose quota is called otherwise",
        ),
    ],
)
def test_serving_quota_is_counted_as_google_charges_it(
    declare: Declare,
    emulator: RunningEmulator,
    plain: Plain,
    serving: dict[str, Any],
    quotas: dict[str, Any],
    missing: str,
) -> None:
    emulator.admin.project(plain.project, **quotas)
    plan = declare(serving=serving)
    failures = (
        ReadinessProvider().check({}, {**wired(plan.declared["readiness"]), "urn": "urn"}).failures or []
    )
    told = [failure.reason for failure in failures]
    assert [text for text in told if text.startswith(missing)] if missing else told == []


def up(engine: MiniEngine, plan: ServicePlan) -> Ran:
    ran = engine.up(plan)
    assert ran.ok, ran.failed
    return ran


def test_accelerators_that_others_hold_are_missed_before_the_tuning_is_paid_for(
    declare: Declare, emulator: RunningEmulator, plain: Plain
) -> None:
    emulator.admin.project(plain.project, l4_per_region=1)
    plain.deploy(plain.endpoint(), plain.model())
    since = emulator.admin.last_request()

    ran = MiniEngine().up(declare())

    told = "serving needs 1 x NVIDIA_L4 and 0 of 1 in us-central1 are free (or ask for more: "
    assert told in ran.failed["readiness"]
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0


def test_a_rollout_side_by_side_takes_a_second_machine_and_recreate_does_not(
    declare: Declare, emulator: RunningEmulator, plain: Plain
) -> None:
    emulator.admin.project(plain.project, l4_per_region=1)
    engine = MiniEngine()
    up(engine, declare())
    old = engine.outputs("deployed")["deployed_id"]
    since = emulator.admin.last_request()

    ran = engine.up(declare(epochs=2))

    told = (
        "serving needs 1 x NVIDIA_L4 and 0 of 1 in us-central1 are free; the old model holds 1 until the new "
        "one serves: rollout: recreate avoids it, with downtime (or ask for more: "
    )
    assert told in ran.failed["readiness"]
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0
    up(engine, declare(epochs=2, serving={"rollout": "recreate"}))
    assert engine.outputs("deployed")["deployed_id"] != old


def test_a_second_machine_that_is_there_is_enough(
    declare: Declare, emulator: RunningEmulator, plain: Plain
) -> None:
    emulator.admin.project(plain.project, l4_per_region=2)
    engine = MiniEngine()
    up(engine, declare())
    up(engine, declare(epochs=2))
