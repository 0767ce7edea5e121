"""A request for more tuning jobs at once that Google grants in part, refuses, or has not answered yet."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.declared import planned, spec_of, write_examples
from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.mini_engine import Json, wired
from tests.support.plain import Plain
from vertex_tuning.lifecycle import NotReady
from vertex_tuning.resources.readiness import ReadinessProvider
from vertex_tuning.vertex.connection import ENDPOINT

emulator = emulator_fixture("real")
"""Its answer takes 20 seconds."""

Ready = Callable[..., Json]


@pytest.fixture
def ready(plain: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ready:
    """A service's readiness in a project that may not tune, has asked for 4 jobs, and is granted so many."""
    monkeypatch.setenv(ENDPOINT, plain.url)
    plain.put("there", b"")

    def asked(admin: RunningEmulator, *, granted: int, wait: bool) -> Json:
        admin.admin.project(plain.project, tuning_quota=0, quota_grant_limit=granted)
        request = {
            "service": "aiplatform.googleapis.com",
            "quotaId": "GlobalConcurrentManagedOssModelTuningJobs",
            "quotaConfig": {"preferredValue": "4"},
            "contactEmail": "ml@example.com",
        }
        preferences = f"v1/projects/{plain.project}/locations/global/quotaPreferences"
        plain.ok("POST", preferences, request, params={"quotaPreferenceId": "vertex-tuning-jobs"})
        place = {"project": plain.project, "output_uri": f"gs://{plain.bucket}/out"}
        spec = spec_of(write_examples(tmp_path / "train.jsonl"), **place, serve=False, wait=wait)
        return ReadinessProvider().create(wired(planned(spec).declared["readiness"])).outs or {}

    return asked


def test_what_is_granted_in_part_is_waited_for_used_and_told(ready: Ready, emulator: RunningEmulator) -> None:
    outputs = ready(emulator, granted=2, wait=True)
    assert outputs["phase"] == "ready"
    assert outputs["quota"] == "asked for 4 tuning jobs at once, granted 2, and that is Google's answer"


def test_who_waits_is_told_the_refusal_when_it_comes(ready: Ready, emulator: RunningEmulator) -> None:
    with pytest.raises(NotReady, match=r"granted 0, and that is Google's answer \(ask for more: "):
        ready(emulator, granted=0, wait=True)


def test_who_does_not_wait_is_told_to_come_again(ready: Ready, emulator: RunningEmulator) -> None:
    with pytest.raises(NotReady, match=r"granted 0, being looked at \(run it again when Google has answered"):
        ready(emulator, granted=2, wait=False)
