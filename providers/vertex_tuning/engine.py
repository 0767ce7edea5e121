"""Pulumi's engine on PATH: run its commands, say how they ended, read what a stack exports.

`pulumi.automation` starts the same program, but it takes the engine's output away from the terminal, cannot
interrupt it exactly once, and reads outputs in three runs of the engine. So it only classifies failures here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from .report import Preview

LAST_SECONDS = 5.0
"""What the engine gets after the second signal, which makes it drop what it does."""
_CLOSING = "update failed"
"""The engine's own last error of a run in which others were reported before."""
_LOCK = re.compile(r"^\s*(\S+): created by \S+@(\S+) \(pid (\d+)\)", re.MULTILINE)


class Stopped(Exception):
    """The user or the runner asked this command to stop."""


class EngineFailed(Exception):
    """A command of the engine ended with an error; the text says why.

    Attributes:
        code: the engine's exit code, which is not ours: it has another meaning for 2 and 3.
    """

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class StackLocked(EngineFailed):
    """Another command is at work on the stack; nothing was done.

    Attributes:
        locks: those that the engine names.
    """

    def __init__(self, text: str, code: int, locks: tuple[Lock, ...]) -> None:
        super().__init__(text, code)
        self.locks = locks


class Lock(NamedTuple):
    """A lock on a stack: where it is, and the process that wrote it."""

    place: str
    hostname: str
    pid: int


class Run(msgspec.Struct, frozen=True):
    """How an ``up`` ended: the engine's exit code, and the errors it has shown, one line each."""

    code: int
    errors: tuple[str, ...] = ()


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM become ``Stopped`` while the block runs."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Engine(msgspec.Struct, frozen=True):
    """The engine in a project's folder.

    Attributes:
        folder: where Pulumi.yaml is.
        environment: what is added to this process's environment.
    """

    folder: Path = Path()
    environment: Mapping[str, str] = {}

    def run(self, stack: str, *arguments: str, to: IO[str] | int | None = None) -> int:
        """Run a command whose output the user reads; the engine's exit code.

        Args:
            stack: the stack's name.
            arguments: of `pulumi`.
            to: where standard output goes instead of this process's own.

        Raises:
            StackLocked: another command is at work on the stack.
            Stopped: this process was asked to stop; the engine has ended by then.
        """
        errors: list[str] = []
        with self._started(*arguments, "--stack", stack, to=to) as engine:
            for line in engine.stderr or ():
                sys.stderr.write(line)
                errors.append(line)
        if engine.returncode:
            _raise_if_locked(engine.returncode, "".join(errors))
        return engine.returncode

    def read(self, stack: str, *arguments: str) -> str:
        """Run a command and return what it prints.

        Raises:
            EngineFailed: it failed; the text is the engine's.
            Stopped: this process was asked to stop; the engine has ended by then.
        """
        return self._read(*arguments, "--stack", stack)

    def up(
        self,
        stack: str,
        *options: str,
        parallel: int = 64,
        to: IO[str] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Run:
        """Run `pulumi up` to its end.

        The errors are read from the engine's log of events: what it prints is for eyes.

        Args:
            stack: the stack's name.
            options: of `pulumi up`.
            parallel: how many resources at once.
            to: where standard output goes instead of this process's own.
            more: what is added to the environment of this run.

        Raises:
            StackLocked: another command is at work on the stack.
            Stopped: this process was asked to stop; the engine has ended by then.
        """
        environment = {**self.environment, **(more or {}), "PULUMI_DEBUG_COMMANDS": "true"}
        with tempfile.TemporaryDirectory(prefix="vertex-tuning-") as folder:
            log = Path(folder) / "events.json"
            command = ("up", "--yes", "--skip-preview", "--parallel", str(parallel), *options)
            code = Engine(self.folder, environment).run(stack, *command, "--event-log", str(log), to=to)
            lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
        return Run(code, errors(lines))

    def preview(self, stack: str, *, refresh: bool) -> Preview:
        """What an ``up`` would do; with ``refresh`` after reading what is really there.

        Raises:
            EngineFailed: the preview failed, or its result cannot be read.
        """
        from .report import read_preview

        # Resources that stay as they are count in a report's sums.
        options = ("--show-sames", "--refresh") if refresh else ("--show-sames",)
        text = self.read(stack, "preview", "--json", *options)
        try:
            return read_preview(text.encode())
        except ValueError as error:
            raise EngineFailed(str(error)) from error

    def outputs(self, stack: str) -> dict[str, Any]:
        """What the stack exported last.

        Raises:
            EngineFailed: there is no such stack, or the backend does not answer.
        """
        return msgspec.json.decode(self.read(stack, "stack", "output", "--json"), type=dict[str, Any])

    def exists(self, stack: str) -> bool:
        """Whether the backend has this stack."""
        listed: list[dict[str, Any]] = msgspec.json.decode(self._read("stack", "ls", "--json"))
        return stack in {each["name"].rsplit("/", 1)[-1] for each in listed}

    def _read(self, *arguments: str) -> str:
        with self._started(*arguments, "--color", "never", to=subprocess.PIPE) as engine:
            printed, complained = engine.communicate()
        if engine.returncode:
            _raise_if_locked(engine.returncode, complained)
            raise EngineFailed(_words(printed, complained), engine.returncode)
        return printed

    @contextmanager
    def _started(self, *arguments: str, to: IO[str] | int | None) -> Iterator[subprocess.Popen[str]]:
        """The running engine, which has ended when the block ends.

        It is in a process group of its own and interrupted exactly once: in the terminal's group it would
        get Ctrl-C twice, and then it ends without finishing what it does.
        """
        try:
            engine = subprocess.Popen(
                ["pulumi", *arguments, "--non-interactive"],
                cwd=self.folder,
                env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=subprocess.PIPE,
                text=True,
                process_group=0,
            )
        except FileNotFoundError:
            text = "pulumi is not on PATH; install it, see https://www.pulumi.com/docs/install"
            raise EngineFailed(text) from None
        try:
            yield engine
            engine.wait()
        except (Stopped, KeyboardInterrupt):
            _interrupt(engine)
            raise


def _interrupt(engine: subprocess.Popen[str]) -> None:
    """Let the engine finish what it does; a second request to stop means at once."""
    engine.send_signal(signal.SIGINT)
    try:
        engine.communicate()
    except Stopped:
        engine.send_signal(signal.SIGINT)
        try:
            engine.communicate(timeout=LAST_SECONDS)
        except (Stopped, subprocess.TimeoutExpired):
            os.killpg(engine.pid, signal.SIGKILL)
            engine.wait()


def _raise_if_locked(code: int, complained: str) -> None:
    from pulumi.automation import CommandResult, ConcurrentUpdateError
    from pulumi.automation.errors import create_command_error

    if isinstance(create_command_error(CommandResult("", complained, code)), ConcurrentUpdateError):
        raise StackLocked(complained.strip().removeprefix("error: "), code, tuple(locks(complained)))


def _words(printed: str, complained: str) -> str:
    """What a failed command says; with ``--json`` the errors are in its diagnostics."""
    try:
        found = msgspec.json.decode(printed, type=dict[str, Any])
    except msgspec.DecodeError:
        return "\n".join(part.strip() for part in (printed, complained) if part.strip())
    said = [
        str(entry.get("message", "")).strip()
        for entry in found.get("diagnostics", ())
        if entry.get("severity") in ("error", "info#err")
    ]
    return "\n".join(dict.fromkeys([*said, *([complained.strip()] if complained.strip() else [])]))


class _Diagnostic(msgspec.Struct):
    message: str
    severity: str


class _Event(msgspec.Struct, rename="camel"):
    diagnostic_event: _Diagnostic | None = None


_EVENT = msgspec.json.Decoder(_Event)


def errors(events: list[bytes]) -> tuple[str, ...]:
    """The errors in the engine's event log, without the final summary.

    Args:
        events: lines with their ends; a killed engine may leave half a line.
    """
    told = (_EVENT.decode(line).diagnostic_event for line in events if line.endswith(b"\n"))
    found = (" ".join(each.message.split()) for each in told if each and each.severity == "error")
    return tuple(error for error in found if error != _CLOSING)


def locks(complained: str) -> list[Lock]:
    """The locks that the engine names as the reason why it did not start."""
    return [Lock(place, hostname, int(pid)) for place, hostname, pid in _LOCK.findall(complained)]


def of_the_dead(lock: Lock, hostname: str) -> bool:
    """Whether a lock's process ran on this machine and is gone.

    A host name proves that only for state in a folder: machines that share a bucket may share a name, as
    hosted runners do.
    """
    if urlsplit(lock.place).scheme != "file" or lock.hostname != hostname:
        return False
    try:
        with suppress(PermissionError):
            os.kill(lock.pid, 0)
    except ProcessLookupError:
        return True
    return False


def unsettled(outputs: Mapping[str, Any]) -> list[str]:
    """The services whose outputs say that they are still under way."""
    return sorted(
        name for name, said in outputs.items() if isinstance(said, Mapping) and said.get("settled") is False
    )


def stacks_here(incomplete: str) -> list[str]:
    """Stacks with a file in this project, for the shell's completion."""
    files = [*Path().glob("Pulumi.*.yaml"), *Path().glob("*/Pulumi.*.yaml")]
    named = {file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files}
    return sorted(name for name in named if name.startswith(incomplete))
