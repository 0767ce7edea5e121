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
    assert json.loads(ran.stdout) == {"stack": STACK, "settled": True, "left": [], "deadline": None}
    assert stack.outputs()["tickets"]["phase"] == "ready"
    assert emulator.admin.count("POST", "/tuningJobs", since) == 1, "the killed run's job is used"
