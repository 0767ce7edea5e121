"""The tuning quota on the real engine: a job waits in line while others use it up."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import running
from tests.support.emulator import RunningEmulator
from tests.support.plain import Json, Plain
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
PROJECT = "busy-project"
_PATIENCE_S = 240.0


def refused(emulator: RunningEmulator, since: int) -> int:
    return sum(
        entry["path"].endswith("/tuningJobs") and entry["status"] == 429
        for entry in emulator.admin.requests(since)
    )


@pytest.fixture
def others(emulator: RunningEmulator) -> Plain:
    """A project whose one job at once can be somebody else's."""
    emulator.admin.project(PROJECT, tuning_quota=1)
    return Plain(emulator.url, PROJECT)


def long_job(others: Plain) -> Json:
    """Somebody else's job that does not end by itself before the test does."""
    others.rows(5000)
    return others.vertex("POST", "/tuningJobs", others.job(spec={"hyperParameters": {"epochCount": "100"}}))


def test_a_job_waits_until_the_others_are_done(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, others: Plain
) -> None:
    long = long_job(others)
    since = emulator.admin.last_request()
    stack = workspace({**values, "project": PROJECT})

    up = running.start(stack, "up", "--yes", "--skip-preview", "--parallel", "64")
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while refused(emulator, since) < 2:
            assert up.process.poll() is None, up.text
            assert time.monotonic() < deadline, up.text
            time.sleep(0.1)
        others.ok("POST", f"v1beta1/{long['name']}:cancel", {})
        assert up.ended(_PATIENCE_S) is not None, up.text
    finally:
        up.sweep()

    assert up.process.returncode == 0, up.text
    assert stack.outputs()["tickets"]["settled"] is True
    assert stack.steps() == [], "what waited in line is not submitted twice"


def test_without_waiting_it_is_green_and_goes_on_later(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, others: Plain
) -> None:
    long = long_job(others)
    stack = workspace({**values, "project": PROJECT, "wait": False})

    first = stack.up()
    assert first.ok, first.text
    assert stack.resource("TuningJob")["phase"] == "blocked"
    assert "waits in line" in stack.resource("TuningJob")["reason"]

    others.ok("POST", f"v1beta1/{long['name']}:cancel", {})
    others.ended(long)
    second = stack.up()
    assert second.ok, second.text
    assert stack.resource("TuningJob")["job"]
