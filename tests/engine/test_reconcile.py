"""`vertex-tuning reconcile` on the real engine: one command to the end, and a dead holder's lock."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
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
    assert "is dead; taking the lock away" in ran.stderr
    assert json.loads(ran.stdout) == {
        "stack": STACK,
        "settled": True,
        "left": [],
        "deadline": None,
        "engine_exit": 0,
    }
    assert stack.outputs()["tickets"]["phase"] == "ready"
    assert emulator.admin.count("POST", "/tuningJobs", since) == 1, "the killed run's job is used"


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
    assert f"error: {STACK}: `pulumi up` ended with exit code {code}, as told above" in ran.stderr
