"""A tuning job that fails is followed by another one where the policy says so, on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine


def test_a_failed_job_is_followed_by_another_and_both_are_told(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator
) -> None:
    [service] = values["services"]
    tuning = {**service["tuning"], "retry": {"attempts": 2, "on": ["internal"]}}
    stack = workspace({**values, "services": [{**service, "tuning": tuning, "serve": False}]})
    since = emulator.admin.last_request()
    emulator.admin.fault("/tuningJobs", "job_failure", method="POST", code=13, message="a rack lost power")

    previewed = stack.preview()
    assert "may pay for the tuning again if it fails (internal), once at most" in previewed.text
    ran = stack.up()
    assert ran.ok, ran.text
    assert "failed (internal: a rack lost power) and is followed by job 2 of at most 2" in ran.text
    assert emulator.admin.count("POST", "/tuningJobs", since) == 2
    first = stack.resource("TuningJob")["job"]
    second = stack.outputs()["tickets"]["job"]
    assert second != first, "the job whose weights they are"
    assert stack.steps() == []
    assert stack.destroy().ok
