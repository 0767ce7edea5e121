"""A command that scores a model ends with the process that started it, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vertex_tuning.resources.deployed_model import scoring_command

COMMAND = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
PROVIDER = """
import os, sys, threading, time
from vertex_tuning.resources.deployed_model import scoring_command

_, folder, command, pids, how = sys.argv
def ends():
    while not os.path.exists(pids):
        time.sleep(0.01)
    if how == "by itself":
        os._exit(1)
threading.Thread(target=ends, daemon=True).start()
scoring_command.run([sys.executable, "-c", command, pids], folder, {}, 600.0, time)
"""


def alive(pid: int) -> bool:
    """A dead one that nobody reaped does not count."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in ("", "Z")


ENDS = [
    ("killed", "nothing of its own runs any more"),
    ("by itself", "its engine was killed, and it has noticed"),
]


@pytest.mark.parametrize(("how", "why"), ENDS, ids=[case[0] for case in ENDS])
def test_what_a_command_started_ends_with_the_provider(tmp_path: Path, how: str, why: str) -> None:
    told = tmp_path / "pids"
    provider = subprocess.Popen([sys.executable, "-c", PROVIDER, tmp_path, COMMAND, told, how])
    try:
        end = time.monotonic() + 30
        while not told.exists() or not told.read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
        if how == "killed":
            os.kill(provider.pid, signal.SIGKILL)
        provider.wait(10)
        pids = [int(pid) for pid in told.read_text().split()]
        end = time.monotonic() + 5
        while any(alive(pid) for pid in pids):
            assert time.monotonic() < end, why
            time.sleep(0.02)
    finally:
        provider.kill()
        provider.wait()


ENVIRONMENT = [
    ("PATH", True, "programs are found"),
    ("HOME", True, "where application default credentials are"),
    ("HF_HOME", True, "its evaluation names it"),
    ("GITHUB_TOKEN", False, "a token of continuous integration"),
    ("PULUMI_CONFIG_PASSPHRASE", False, "opens the state's secrets"),
    ("GOOGLE_APPLICATION_CREDENTIALS", False, "only where its evaluation names it"),
]


@pytest.mark.parametrize(("name", "passed", "why"), ENVIRONMENT, ids=[case[0] for case in ENVIRONMENT])
def test_a_command_gets_no_variable_that_nobody_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, passed: object, why: str
) -> None:
    if name != "PATH":
        monkeypatch.setenv(name, "value-of-it")
    program = f"import os; print(os.environ.get({name!r}, 'absent'))"

    ended = scoring_command.run([sys.executable, "-c", program], str(tmp_path), {}, 60.0, time, ["HF_HOME"])

    assert (ended.output.strip() != "absent") is passed, why
