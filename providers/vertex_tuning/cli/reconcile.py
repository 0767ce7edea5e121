"""The command ``reconcile``: run ``pulumi up`` until a stack is settled."""

from __future__ import annotations

import enum
import math
import re
import socket
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from ..engine import (
    Engine,
    EngineFailed,
    Run,
    StackLocked,
    Stopped,
    of_the_dead,
    stacks_here,
    stoppable,
    unsettled,
)
from ..vertex.connection import DEADLINE
from ..vertex.failures import PASSING
from . import ui

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 366 * 86400.0


class Until(enum.StrEnum):
    """When to stop."""

    SETTLED = "settled"


def reconcile(
    stack: Annotated[
        str,
        typer.Argument(help="The stack, as `pulumi stack ls` names it.", autocompletion=stacks_here),
    ],
    *,
    until: Annotated[Until, typer.Option(help="When to stop.")] = Until.SETTLED,
    deadline: Annotated[
        str | None,
        typer.Option(
            help="Cancel what is not ready by then: 90s, 15m, 6h, 1d. Default: no deadline.",
            show_default=False,
        ),
    ] = None,
    pause: Annotated[str, typer.Option(help="Pause between two runs.")] = "60s",
    parallel: Annotated[int, typer.Option(min=1, max=10_000, help="Resources to process at once.")] = 64,
    json_output: ui.Json = False,
) -> None:
    """Run `pulumi up` in a project's folder until everything in the stack is settled.

    For stacks with `wait: false`: each run advances unsettled resources by a step. A run is repeated if all
    its errors are transient (no capacity, no quota, no answer), with a message each time; any other error
    ends the command. A lock on state in a folder is removed if its holder ran on this machine and is dead.

    The deadline is stored with the resources: if this command is killed, the first `pulumi up` after the
    deadline cancels what is not ready. Models that serve are left alone.
    """
    if not stack:
        # Pulumi would take the stack that was selected last.
        raise typer.BadParameter("is empty; give the stack's name", param_hint="STACK")
    due = time.time() + seconds(deadline) if deadline is not None else math.inf
    try:
        run, left = _run_on(stack, due, pause, parallel, json_output=json_output)
        told = f"`pulumi up` failed with exit code {run.code}; see its output above"
        failed = EngineFailed(told, run.code) if run.code else None
    except EngineFailed as error:
        run, left, failed = Run(error.code), [], error
    settled = not (left or failed)
    if json_output:
        code = failed.code if failed else 0
        ui.show_json(
            {"stack": stack, "settled": settled, "left": left, "deadline": _when(due), "engine_exit": code}
        )
    if not settled and time.time() >= due:
        ended = failed is None or any(error.startswith("DeadlinePassed:") for error in run.errors)
        ui.fail(
            f"{stack}: the deadline of {deadline} passed, {_LATE[ended].format(stack)}", ui.Exit.UNSETTLED
        )
    if failed:
        ui.fail(f"{stack}: {failed}")
    if not json_output:
        ui.screen().print(f"{stack}: {until.value}", style="bold green")


def _run_on(stack: str, due: float, pause: str, parallel: int, *, json_output: bool) -> tuple[Run, list[str]]:
    """Run until all is settled or an error is not transient; returns the last run and what is left."""
    # With --json, the engine's output is a message, not the result.
    to = sys.stderr if json_output else None
    told = {} if due == math.inf else {DEADLINE: f"{due:.3f}"}
    engine, between, left, refresh = Engine(), seconds(pause), list[str](), tuple[str, ...]()
    try:
        with stoppable():
            while True:
                begun = time.time()
                try:
                    run = engine.up(stack, *refresh, parallel=parallel, to=to, more=told)
                except StackLocked as locked:
                    _free(engine, stack, locked)
                    # After a killed run the state may be incomplete.
                    refresh = ("--refresh",)
                    continue
                if not run.code:
                    refresh = ()
                    left = unsettled(engine.outputs(stack))
                if begun >= due or not (may_pass(run) if run.code else left):
                    return run, left
                ui.note(f"{stack}: {_why(run, left)}; next run in {pause}")
                time.sleep(max(0.0, min(between, due - time.time())))
    except Stopped:
        ui.fail(_stopped(stack, left, due), ui.Exit.INTERRUPTED)


def may_pass(run: Run) -> bool:
    """Whether another run may succeed: every error is transient."""
    return bool(run.errors) and all(error.partition(":")[0] in PASSING for error in run.errors)


def _free(engine: Engine, stack: str, locked: StackLocked) -> None:
    """Remove a stack's locks if all their processes ran on this machine and are dead.

    Raises:
        EngineFailed: the locks are not known, or cannot be taken away.
        typer.Exit: a process that may be alive holds one.
    """
    if not locked.locks:
        raise locked
    for lock in locked.locks:
        if not of_the_dead(lock, socket.gethostname()):
            holder = f"process {lock.pid} on {lock.hostname}, which may still run"
            fix = f"pulumi cancel --stack {stack}, then: pulumi up --refresh --stack {stack}"
            ui.fail(f"{stack} is locked by {holder}. Wait for it to end; if you know that it is dead: {fix}")
    pids = ", ".join(str(lock.pid) for lock in locked.locks)
    ui.note(f"{stack}: process {pids} held the lock and is dead; removing the lock")
    engine.read(stack, "cancel", "--yes")


_LATE = {
    True: "and what was not ready was cancelled, see above. Fix the cause, then run the same "
    "command again; or: pulumi destroy --stack {}",
    False: "but the last run failed, see above, and cancelled nothing. The next `pulumi up` "
    "cancels what is not ready; or: pulumi destroy --stack {}",
}
"""The message after a deadline, by whether the last run could enforce it."""


def _why(run: Run, left: list[str]) -> str:
    if run.code:
        errors = "; ".join(error.rstrip(".") for error in run.errors)
        return f"{errors}. This may pass; running and paid work is reused"
    return f"{', '.join(left)} not settled"


def seconds(duration: str) -> float:
    """``90s``, ``15m``, ``6h`` or ``1d`` in seconds.

    Raises:
        typer.BadParameter: it has another form, or is longer than a year.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", duration.strip())
    if found is None:
        raise typer.BadParameter(f"{duration!r} is not of the form 90s, 15m, 6h or 1d")
    length = float(found.group(1)) * _UNITS[found.group(2)]
    if length > _LONGEST_S:
        raise typer.BadParameter(f"{duration!r} is more than a year")
    return length


def _stopped(stack: str, left: list[str], due: float) -> str:
    what = f"{', '.join(left)} continue" if left else "submitted work continues"
    until = f" The deadline of {_when(due)} still applies." if due < math.inf else ""
    return (
        f"{stack}: stopped. {what} without this command: a tuning job costs money to its end, and machines "
        f"by the hour.{until} To resume, run the same command; to stop it: pulumi destroy --stack {stack}"
    )


def _when(moment: float) -> str | None:
    return None if moment == math.inf else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


COMMAND = ui.Command(
    reconcile,
    examples=(
        "vertex-tuning reconcile search-dev --until settled --deadline 6h",
        "vertex-tuning reconcile search-dev --pause 5m --json",
    ),
    exits={
        ui.Exit.OK: "settled",
        ui.Exit.FAILED: "pulumi failed, is locked or not installed; `engine_exit` is its exit code",
        ui.Exit.UNSETTLED: "the deadline passed; what was not ready was cancelled, or the line says why not",
        ui.Exit.INTERRUPTED: "stopped by Ctrl-C or SIGTERM",
    },
)
