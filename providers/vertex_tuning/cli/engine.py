"""Running Pulumi's engine: one command at a time, and what a stack says about itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import msgspec

from . import ui

LAST_SECONDS = 5.0
"""What the engine gets after the second signal, which tells it to drop what it does."""


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


class Ended(msgspec.Struct, frozen=True):
    """How a command of the engine ended.

    Attributes:
        code: its exit code.
        printed: what it printed, if that was to be kept.
        complained: what it printed to standard error; the user has seen it.
    """

    code: int
    printed: str
    complained: str


def pulumi(
    stack: str, *arguments: str, to: IO[str] | int | None = None, extra: Mapping[str, str] | None = None
) -> Ended:
    """Run one command of the engine to its end; what it printed is kept if ``to`` is a pipe.

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
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(extra or {})},
            process_group=0,
        )
    except FileNotFoundError:
        ui.fail("pulumi is not on PATH; install it, see https://www.pulumi.com/docs/install")
    try:
        printed, complained = engine.communicate()
    except Stopped:
        _end(engine)
        raise
    sys.stderr.write(complained)
    return Ended(engine.returncode, printed or "", complained)


def _end(engine: subprocess.Popen[str]) -> None:
    """Let the engine finish what it does; whoever says again that it is to end does not want that."""
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


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs.

    Raises:
        EngineFailed: it cannot be asked.
    """
    ended = pulumi(stack, "stack", "output", "--json", to=subprocess.PIPE)
    if ended.code:
        raise EngineFailed("stack output", ended.code)
    return msgspec.json.decode(ended.printed, type=dict[str, Any])


def unsettled(outputs: Mapping[str, Any]) -> list[str]:
    """The services that say in the stack's outputs that they are still on their way."""
    return sorted(
        name for name, said in outputs.items() if isinstance(said, Mapping) and said.get("settled") is False
    )


def stacks_here(incomplete: str) -> list[str]:
    """Stacks with a file in this project, for the shell's completion."""
    files = [*Path().glob("Pulumi.*.yaml"), *Path().glob("*/Pulumi.*.yaml")]
    named = {file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files}
    return sorted(name for name in named if name.startswith(incomplete))
