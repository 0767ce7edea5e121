"""What has to be so before money is spent, on the embedded service: with its faults, and its real limits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.declared import planned, spec_of, write_examples
from tests.support.emulator import RunningEmulator
from tests.support.mini_engine import MiniEngine, Ran
from tests.support.plain import Plain
from vertex_tuning.plan import ServicePlan
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


UNSEEN = [
    (
        r"/billingInfo",
        403,
        "billing cannot be looked at: ",
        f"(needs resourcemanager.projects.get, {DEPLOYER})",
    ),
    (
        r"/services:batchGet",
        403,
        "the APIs cannot be looked at: ",
        f"(needs serviceusage.services.get, {DEPLOYER})",
    ),
    (
        r"/storage/v1/b/[^/]+/o",
        403,
        "the output bucket cannot be looked at: ",
        f"(needs storage.objects.list, {BUCKET})",
    ),
    (
        r"/endpoints(\?|$)",
        403,
        "the serving quota cannot be looked at: ",
        f"(needs aiplatform.endpoints.list, cloudquotas.quotas.get, {DEPLOYER})",
    ),
    (
        r"/quotaPreferences",
        403,
        "the tuning quota cannot be looked at: ",
        f"(needs cloudquotas.quotas.get, {DEPLOYER})",
    ),
    (r"/billingInfo", 404, "billing cannot be looked at: ", ""),
]


@pytest.mark.parametrize(
    ("path", "status", "told", "mend"), UNSEEN, ids=[f"{case[2][:-19]}{case[1]}" for case in UNSEEN]
)
def test_what_cannot_be_looked_at_is_told_with_its_mend_and_beside_the_rest(
    declare: Declare, emulator: RunningEmulator, plain: Plain, path: str, status: int, told: str, mend: str
) -> None:
    emulator.admin.project(plain.project, tuning_quota=0 if "quota" not in path else 1)
    plan = declare()
    emulator.admin.fault(path, "fail_before", method="GET", times=None, status=status)

    ran = MiniEngine().up(plan)

    missing = ran.failed["readiness"].split("; ")
    [found] = [text for text in missing if told in text]
    assert found.endswith(mend)
    if "quota" not in path:
        assert any("is 0" in text for text in missing), "what else is missing is told at once"
    assert ran.made == []


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
