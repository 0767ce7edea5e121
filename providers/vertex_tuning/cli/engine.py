"""Running Pulumi's engine: one command at a time, its locks, and what a stack says about itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn
from urllib.parse import unquote, urlsplit

import msgspec

from . import ui


class Stopped(Exception):
    """The user or the runner wants this command to end."""


class EngineFailed(Exception):
    """The engine ended with an error, and has said why.

    Attributes:
        code: its exit code, which is not ours: it has another meaning for 2 and 3.
    """

    def __init__(self, command: str, code: int) -> None:
        super().__init__(f"`pulumi {command}` ended with exit code {code}, as told above")
        self.code = code


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


def pulumi(
    stack: str, *arguments: str, to: IO[str] | int | None = None, extra: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run one command of the engine to its end; gives its exit code, and what it printed if ``to`` is a pipe.

    It is told to end exactly once: in the terminal's process group it would hear Ctrl-C twice, and
    then it ends without finishing what it does.

    Raises:
        Stopped: this process was told to end; the engine has ended by then.
        typer.Exit: there is no engine.
    """
    try:
        engine = subprocess.Popen(
            ["pulumi", *arguments, "--stack", stack, "--non-interactive"],
            stdout=to,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(extra or {})},
            process_group=0,
        )
    except FileNotFoundError:
        ui.fail("pulumi is not on PATH; install it, see https://www.pulumi.com/docs/install")
    try:
        printed, _ = engine.communicate()
    except Stopped:
        engine.send_signal(signal.SIGINT)
        engine.wait()
        raise
    return engine.returncode, printed or ""


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs.

    Raises:
        EngineFailed: it cannot be asked.
    """
    code, printed = pulumi(stack, "stack", "output", "--json", to=subprocess.PIPE)
    if code:
        raise EngineFailed("stack output", code)
    return msgspec.json.decode(printed, type=dict[str, Any])


def unsettled(outputs: Mapping[str, Any]) -> list[str]:
    """The services that say in the stack's outputs that they are still on their way."""
    return sorted(
        name for name, said in outputs.items() if isinstance(said, Mapping) and said.get("settled") is False
    )


def free(stack: str) -> bool:
    """Take away locks of dead processes of this machine, if any; only a folder of state shows its locks.

    Raises:
        typer.Exit: someone who may live holds the lock.
        EngineFailed: the lock cannot be taken away.
    """
    backend = urlsplit(os.environ.get("PULUMI_BACKEND_URL", ""))
    if backend.scheme != "file":
        return False
    folder, freed = Path(unquote(backend.path)) / ".pulumi" / "locks", False
    for path in folder.glob(f"**/{stack.rsplit('/', 1)[-1]}/*.json"):
        lock = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if not dead_holder(lock, socket.gethostname()):
            holder = f"process {lock.get('pid')} on {lock.get('hostname')}"
            ui.fail(f"{stack} is locked by {holder}; let it end, or: pulumi cancel --stack {stack}")
        ui.note(f"{stack}: process {lock['pid']} held the lock and is dead; taking the lock away")
        code, _ = pulumi(stack, "cancel", "--yes", to=subprocess.DEVNULL)
        if code:
            raise EngineFailed("cancel", code)
        freed = True
    return freed


def dead_holder(lock: Mapping[str, Any], hostname: str) -> bool:
    """Whether the process that holds a lock ran on this machine and is gone."""
    pid = lock.get("pid")
    if lock.get("hostname") != hostname or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def stacks_here(incomplete: str) -> list[str]:
    """Stacks with a file in this project, for the shell's completion."""
    files = [*Path().glob("Pulumi.*.yaml"), *Path().glob("*/Pulumi.*.yaml")]
    named = {file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files}
    return sorted(name for name in named if name.startswith(incomplete))
