"""Ctrl-C and a runner's SIGTERM while `pulumi up` waits: it ends soon and says what goes on without it."""

import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import make_bucket
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.kill import UP, settled
from tests.support.running import Running, start
from tests.support.stack import Workspace
from vertex_tuning.vertex.retry import TIMEOUT

pytestmark = pytest.mark.engine

ENDS_S = 15.0
"""From the signal to the end of the whole command; it takes about one second."""
_COMES_S = 120.0
BEFORE_SERVING = ("queued", "tuning", "tuned", "deploying")
"""All phases in which a job is there; which one is seen depends on how quick this machine is."""

Make = Callable[..., Workspace]


emulator = emulator_fixture("real", ready=make_bucket)
"""One that takes its time, so that there is something to wait for."""


def interrupted(workspace: Workspace, number: signal.Signals, once: str) -> Running:
    """Start `up`, send the signal to the engine when its output has this text, and wait for the end."""
    running = start(workspace, *UP)
    try:
        deadline = time.monotonic() + _COMES_S
        while once not in running.text:
            assert running.process.poll() is None, running.text
            assert time.monotonic() < deadline, running.text
            time.sleep(0.05)
        running.process.send_signal(number)
        seconds = running.ended(ENDS_S)
        assert seconds is not None, f"it goes on after {number.name}: {running.text}"
        assert running.providers() == [], "no process of ours stays behind"
        assert running.process.returncode > 0, "a failure that a runner sees"
        print(f"{number.name} while {once!r}: ended after {seconds:.1f} s")
    finally:
        running.sweep()
    return running


def shown(workspace: Workspace, *phases: str) -> dict[str, Any]:
    """What `vertex-tuning status` shows of the one service, in a table and as JSON."""
    table = workspace.cli("status", "@")
    assert table.ok, table.text
    assert any(phase in table.text for phase in phases), table.text
    [row] = json.loads(workspace.cli("status", "@", "--json").text)["services"]
    assert row["phase"] in phases, row
    found: dict[str, Any] = row
    return found


def says(running: Running, *parts: str) -> None:
    [line] = {line.partition("error: ")[2] for line in running.text.splitlines() if "Interrupted" in line}
    for part in (*parts, "`pulumi up`", "`pulumi destroy`"):
        assert part in line
    assert "Traceback" not in running.text


def test_a_signal_ends_the_waiting_and_nothing_else(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    """While the job waits and while machines start; two stacks at once, because both mostly wait."""

    def life(number: signal.Signals) -> None:
        project = f"signalled-{number.value}"
        stack, cloud = stacks[number], Cloud(emulator, project)
        stack.configure({**values, "project": project, "output_uri": f"{values['output_uri']}/{project}"})

        training = interrupted(stack, number, "queued")
        says(training, "TunedModel: stopped waiting: ", "is paid for to its end")
        assert len(cloud.active()) == 1, "the job goes on"

        assert "/tuningJobs/" in shown(stack, *BEFORE_SERVING)["job"]
        deploying = interrupted(stack, number, "machines start")
        says(
            deploying, "DeployedModel: stopped waiting: machines start", "until destroyed: 1 × g2-standard-12"
        )

        with ThreadPoolExecutor(1) as beside:
            up = beside.submit(stack.up)
            shown(stack, *BEFORE_SERVING, "deploying", "serving")
            finished = up.result()
        assert finished.ok, finished.text
        assert settled(stack)
        served = shown(stack, "serving")
        assert list(served["traffic"].values()) == [100]
        assert served["hourly"] == "1.15 USD"
        assert len(cloud.jobs()) == 1, "nothing was submitted a second time"
        assert [len(models) for models in cloud.endpoints().values()] == [1]
        assert stack.destroy().ok
        assert cloud.endpoints() == {}

    numbers = (signal.SIGINT, signal.SIGTERM)
    stacks = {number: workspace() for number in numbers}
    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(life, numbers))


def test_ctrl_c_while_a_call_gets_no_answer(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    """A call that hangs cannot be ended, but it has a bound, and with it ends the run."""
    stack = workspace({**values, "project": "hanging", "output_uri": f"{values['output_uri']}/hanging"})
    running = start(stack, *UP)
    try:
        running_since = time.monotonic()
        while "queued" not in running.text:
            assert time.monotonic() < running_since + _COMES_S, running.text
            time.sleep(0.05)
        emulator.admin.fault(r"/tuningJobs/\d+(\?|$)", "hang", method="GET", times=None, seconds=600.0)
        while not emulator.admin.faults()[0]["matched"]:
            assert running.process.poll() is None, running.text
            time.sleep(0.05)
        running.process.send_signal(signal.SIGINT)
        seconds = running.ended(TIMEOUT + ENDS_S)
        assert seconds is not None, f"it goes on: {running.text}"
        assert "no answer from http://" in running.text
        print(f"ended after {seconds:.1f} s")
    finally:
        emulator.admin.clear_faults()
        running.sweep()
    assert stack.destroy().ok
    assert Cloud(emulator, "hanging").active() == []
