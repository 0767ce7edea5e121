"""A command of the engine while it runs, with every process that it has started."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.stack import Workspace

_LOOK_S = 0.02


@dataclass(frozen=True)
class Running:
    """The engine's process leads a session: whatever it starts stays in it, in whichever process group."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        """The engine's process."""
        return self.process.pid

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self.log.read_text()

    def left(self) -> dict[int, str]:
        """The session's living processes with their command lines; the dead that nobody reaped do not count."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,sess=,stat=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(maxsplit=3) for line in listed.splitlines()]
        return {
            int(pid): command
            for pid, session, status, command in rows
            if session == str(self.pid) and not status.startswith("Z")
        }

    def providers(self) -> list[int]:
        """The processes in which our code runs, and the shells that the engine starts them through."""
        return [
            pid
            for pid, command in self.left().items()
            if "pulumi.dynamic" in command or "pulumi-resource-pulumi-python" in command
        ]

    def says(self, text: str, within_s: float = 120.0) -> None:
        """Wait until it has printed this."""
        end = time.monotonic() + within_s
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.05)

    def ended(self, within_s: float) -> float | None:
        """Wait for the engine's end: the seconds that took, or None when it still runs."""
        begun = time.monotonic()
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - begun

    def providers_gone(self, within_s: float) -> float | None:
        """Wait until no process of ours is left: the seconds that took, or None when one still runs."""
        begun = time.monotonic()
        while self.providers():
            if time.monotonic() - begun > within_s:
                return None
            time.sleep(_LOOK_S)
        return time.monotonic() - begun

    def sweep(self) -> None:
        """End what is left of the session; the language host outlives an engine that was killed."""
        for pid in self.left():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


def start(workspace: Workspace, *arguments: str) -> Running:
    """Start a command of the engine, such as ``up --yes --skip-preview``, and return at once."""
    return _started(workspace, workspace.command(*arguments))


def reconcile(workspace: Workspace, *options: str) -> Running:
    """Start the loop and return at once."""
    return _started(workspace, ["vertex-tuning", "reconcile", workspace.stack, *options])


def _started(workspace: Workspace, command: list[str]) -> Running:
    log = workspace.folder / "running.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=workspace.folder,
            env=workspace.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Running(process, log)
