"""`reconcile --deadline` on the real engine: what is not ready in time is ended, by whoever comes next.

Alone, because a busy machine may not get as far as the deployment before the deadline.
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_bucket, write_sums
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.running import reconcile
from tests.support.stack import Workspace
from vertex_tuning.vertex.client import JobState

pytestmark = [pytest.mark.engine, pytest.mark.alone]

Make = Callable[..., Workspace]
_COMES_S = 120.0


emulator = emulator_fixture("real", ready=make_bucket)
"""One that takes its time: 8 s until a job trains, 25 s until machines serve."""


def of(values: dict[str, Any], project: str, **changes: Any) -> dict[str, Any]:
    return {
        **values,
        "project": project,
        "output_uri": f"{values['output_uri']}/{project}",
        **changes,
    }


def lasting(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The stack with a job that runs until somebody ends it."""
    [service] = values["services"]
    data = str(write_sums(folder / "long.jsonl"))
    return {
        **values,
        "services": [{**service, "tuning": {**service["tuning"], "epochs": 50, "training_data": data}}],
    }


def test_the_loop_is_killed_and_the_next_up_ends_the_job(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path
) -> None:
    cloud = Cloud(emulator, "deadline-job")
    stack = workspace(of(lasting(values, tmp_path), cloud.project, wait=False))
    loop, begun = reconcile(stack, "--deadline", "30s", "--pause", "60s"), time.monotonic()
    try:
        loop.says("tickets not settled")
        loop.process.kill()
        loop.process.wait()
    finally:
        loop.sweep()
    assert len(cloud.active()) == 1
    time.sleep(max(0.0, begun + 31 - time.monotonic()))

    preview = stack.preview()
    assert preview.ok, preview.text
    assert "has passed: `pulumi up` cancels what is not ready" in preview.text
    assert len(cloud.active()) == 1, "a preview changes nothing"

    ran = stack.up()
    assert not ran.ok
    [line] = {line.partition("error: ")[2] for line in ran.text.splitlines() if "DeadlinePassed" in line}
    assert line.startswith("DeadlinePassed: service tickets, TunedModel: the deadline of ")
    assert "was cancelled; what it has used is billed" in line
    assert "Traceback" not in ran.text
    end = time.monotonic() + _COMES_S
    while cloud.active():
        assert time.monotonic() < end
        time.sleep(0.2)
    assert [job.state for job in cloud.jobs()] == [JobState.CANCELLED]
    assert "set attempt one higher" in stack.up().text, "it is not paid for a second time by itself"
    assert len(cloud.jobs()) == 1


def test_machines_that_do_not_serve_in_time_are_taken_back(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    cloud = Cloud(emulator, "deadline-machines")
    stack = workspace(of(values, cloud.project, services=[{**values["services"][0], "serve": False}]))
    tuned = stack.up()
    assert tuned.ok, tuned.text

    stack.configure(of(values, cloud.project))
    loop = reconcile(stack, "--deadline", "24s")
    try:
        assert loop.ended(_COMES_S) is not None
    finally:
        loop.sweep()
    assert loop.process.returncode == 3, loop.text
    assert "the deployment did not serve yet and was undeployed" in loop.text
    assert "the deadline of 24s passed" in loop.text
    assert [models for models in cloud.endpoints().values() if models] == []

    later = stack.up()
    assert later.ok, later.text
    assert [len(models) for models in cloud.endpoints().values()] == [1]
    assert len(cloud.jobs()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_loop_and_its_engine(
    workspace: Make,
    values: dict[str, Any],
    emulator: RunningEmulator,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    cloud = Cloud(emulator, f"deadline-signal-{number.value}")
    stack = workspace(of(lasting(values, tmp_path), cloud.project))
    loop = reconcile(stack, "--deadline", "1h")
    try:
        loop.says("queued")
        loop.process.send_signal(number)
        assert loop.ended(15.0) is not None, loop.text
        assert loop.left() == {}, "neither the engine nor a provider stays behind"
    finally:
        loop.sweep()
    assert loop.process.returncode == 130
    last = loop.text.rstrip().splitlines()[-1]
    for part in ("stopped", "costs money to its end", "The deadline of 20", "pulumi destroy --stack test"):
        assert part in last
    assert "Traceback" not in loop.text
    assert len(cloud.active()) == 1, "the job goes on"


def test_a_second_signal_ends_it_though_a_call_gets_no_answer(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path
) -> None:
    """The first one waits for the call, which has a bound of a minute."""
    cloud = Cloud(emulator, "deadline-twice")
    stack = workspace(of(lasting(values, tmp_path), cloud.project))
    loop = reconcile(stack)
    try:
        loop.says("queued")
        emulator.admin.fault(r"/tuningJobs/\d+(\?|$)", "hang", method="GET", times=None, seconds=600.0)
        end = time.monotonic() + _COMES_S
        while not emulator.admin.faults()[0]["matched"]:
            assert time.monotonic() < end, loop.text
            time.sleep(0.05)
        loop.process.send_signal(signal.SIGINT)
        assert loop.ended(2.0) is None, loop.text
        loop.process.send_signal(signal.SIGINT)
        seconds = loop.ended(15.0)
        assert seconds is not None, loop.text
        print(f"ended after {seconds:.1f} s")
        assert loop.providers_gone(5.0) is not None, loop.left()
        # Pulumi's language host, which does nothing by then, notices minutes later that its engine was killed.
        assert [who for who in loop.left().values() if "pulumi-language-python" not in who] == []
    finally:
        emulator.admin.clear_faults()
        loop.sweep()
    assert loop.process.returncode == 130
    assert "error: test: stopped. " in loop.text.rstrip().splitlines()[-1]
    assert "Traceback" not in loop.text
    assert len(cloud.active()) == 1, "the job goes on"
