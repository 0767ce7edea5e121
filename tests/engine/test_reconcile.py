"""`vertex-tuning reconcile` on the real engine: one command to the end, and a dead holder's lock."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.running import reconcile
from tests.support.stack import STACK, Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]


def test_one_command_to_the_end_after_a_killed_run(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace({**values, "wait": False})
    since = emulator.admin.last_request()
    killed = subprocess.Popen(
        stack.command("up", "--yes", "--skip-preview"),
        cwd=stack.folder,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not emulator.admin.count("POST", "/tuningJobs", since) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()

    ran = subprocess.run(
        ["vertex-tuning", "reconcile", STACK, "--pause", "1s", "--json"],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "is dead; removing the lock" in ran.stderr
    assert json.loads(ran.stdout) == {
        "stack": STACK,
        "settled": True,
        "left": [],
        "deadline": None,
        "engine_exit": 0,
    }
    assert stack.outputs()["tickets"]["phase"] == "ready"
    assert emulator.admin.count("POST", "/tuningJobs", since) == 1, "the killed run's job is used"


def test_what_may_pass_is_repeated_and_told_and_what_does_not_ends_it(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    values["services"][0] |= {"serve": False}
    # An outage is waited out within a run; here the run's patience is short.
    patience = {"VERTEX_TUNING_OUTAGE_SECONDS": "2"}
    stack = replace(workspace({**values, "project": "comes-and-goes"}), variables=patience)
    since = emulator.admin.last_request()
    emulator.admin.fault("/tuningJobs", "fail_before", method="GET", times=None, status=503)
    loop = reconcile(stack, "--pause", "4s", "--deadline", "1h")
    try:
        loop.says("next run in 4s")
        emulator.admin.clear_faults()
        denied = "Permission aiplatform.tuningJobs.create denied"
        emulator.admin.fault("/tuningJobs", "fail_before", method="POST", status=403, message=denied)
        assert loop.ended(120.0) is not None, loop.text
    finally:
        loop.sweep()
    assert loop.process.returncode == 1, loop.text
    [line] = [line for line in loop.text.splitlines() if "next run in 4s" in line]
    assert "Unavailable: service tickets, TuningJob" in line, "each repetition is one line"
    assert "This may pass; running and paid work is reused" in line
    assert loop.text.count("next run in") == 1, "a missing permission is not waited for"
    assert denied in loop.text
    assert loop.text.rstrip().endswith(
        "error: test: `pulumi up` failed with exit code 1; see its output above"
    )
    assert emulator.admin.count("POST", "/tuningJobs", since) == 1


def test_a_lock_of_someone_who_may_live_is_left_and_told(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace({**values, "services": []})
    assert stack.up().ok
    [file] = (stack.folder / "state" / ".pulumi" / "stacks").rglob("test.json")
    lock = (
        stack.folder / "state" / ".pulumi" / "locks" / "organization" / file.parent.name / "test" / "1.json"
    )
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(
        json.dumps({"pid": 7, "username": "me", "hostname": "far", "timestamp": "2026-01-02T03:04:05Z"})
    )
    loop = reconcile(stack)
    try:
        assert loop.ended(60.0) is not None, loop.text
    finally:
        loop.sweep()
    assert loop.process.returncode == 1
    [line] = [line for line in loop.text.splitlines() if line.startswith("error: test is locked")]
    assert "by process 7 on far" in line
    assert "pulumi cancel --stack test, then: pulumi up --refresh --stack test" in line
    assert lock.exists()


ENGINES = [
    ("PULUMI_CONFIG_PASSPHRASE", None, "no passphrase for what is secret"),
    ("PULUMI_BACKEND_URL", "file:///nowhere", "a state that is not there"),
    ("PULUMI_BACKEND_URL", "nonsense", "a state that cannot be"),
]


@pytest.mark.parametrize(("variable", "value", "why"), ENGINES, ids=[case[2] for case in ENGINES])
def test_whatever_the_engine_ends_with_is_one_failure_of_ours(
    workspace: Make, values: dict[str, Any], variable: str, value: str | None, why: str
) -> None:
    stack = workspace(values)
    environment = {key: text for key, text in stack.environment.items() if key != variable}
    ran = subprocess.run(
        ["vertex-tuning", "reconcile", STACK, "--json"],
        cwd=stack.folder,
        env={**environment, **({variable: value} if value else {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["settled"]) == (1, False), why
    assert said["engine_exit"] not in (0, None)
    code = said["engine_exit"]
    assert f"error: {STACK}: `pulumi up` failed with exit code {code}; see its output above" in ran.stderr
