"""The commands that bring stacks about and watch over them: `up`, `settle` and `drift`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vertex_tuning.engine import Engine, StackLocked, unsettled

from . import texts
from .changes import Change, Kind, changes
from .github import GitHub
from .runner import ROOT, fail, notice, say, tell

DRIFT_LABEL = "drift"
FAILED_LABEL = "failed"
LOCK_WAIT_S = 45 * 60
"""Longer than `settle` may run, which is who else holds a stack's lock."""
_LOCK_LOOK_S = 15.0

StackName = Annotated[str, typer.Argument(help="A stack, such as search-dev.")]


def up(
    name: StackName,
    lock_wait: Annotated[
        float, typer.Option(help="Seconds to wait for whoever holds the stack's lock.")
    ] = LOCK_WAIT_S,
) -> None:
    """Apply a stack's files, and report what is not settled."""
    engine = Engine(ROOT)
    if not engine.exists(name):
        fail(f"there is no stack {name} yet; make it once: {texts.MAKE.format(stack=name)}")
    end = time.monotonic() + lock_wait
    while True:
        try:
            status = _brought_about(engine, name)
            break
        except StackLocked:
            left = end - time.monotonic()
            if left <= 0:
                raise
            say(f"{name}: locked; waiting for {left:.0f} s at most")
            time.sleep(min(_LOCK_LOOK_S, left))
    raise typer.Exit(status)


def settle(name: StackName) -> None:
    """Move what is under way in a stack one step on, and nothing else.

    Unapplied edits and drift are left alone. A failure opens one issue, which closes once it is fixed, and
    does not fail every run until then.
    """
    engine = Engine(ROOT)
    found, status = changes(engine.preview(name, refresh=True)), 0
    other = [change.resource for change in found if change.kind in (Kind.EDIT, Kind.DRIFT)]
    if other:
        notice(f"{name}: left alone, an `up` would also change {', '.join(other)}")
    elif not any(change.kind is Kind.PROGRESS for change in found):
        say(f"{name}: nothing can move on yet")
    else:
        try:
            status = _brought_about(engine, name)
        except StackLocked:
            notice(f"{name}: skipped: another run holds the lock")
        if status:
            found = changes(engine.preview(name, refresh=True))
    failed = [change for change in found if change.kind is Kind.FAILED]
    with GitHub.from_environment() as github:
        _keep_issue(github, name, "failed", FAILED_LABEL, failed)
    raise typer.Exit(0 if failed else status)


def drift(name: StackName) -> None:
    """Check a stack for drift: one open issue while there is any.

    Work under way is no drift, and neither is an edit that no `up` has brought about yet.
    """
    engine = Engine(ROOT)
    if not engine.exists(name):
        say(f"{name}: there is no such stack yet")
        return
    found = [each for each in changes(engine.preview(name, refresh=True)) if each.kind is Kind.DRIFT]
    with GitHub.from_environment() as github:
        _keep_issue(github, name, "drift", DRIFT_LABEL, found)


def _brought_about(engine: Engine, name: str) -> int:
    """Run `up`; its exit code.

    Raises:
        StackLocked: another run holds the lock; nothing was done.
    """
    status = engine.up(name).code
    left = unsettled(engine.outputs(name))
    told = f"not settled: {', '.join(left)}; the workflow `settle` continues" if left else "settled"
    tell("GITHUB_STEP_SUMMARY", f"### `{name}`: {'failed' if status else told}\n")
    return status


def _keep_issue(github: GitHub, name: str, what: str, label: str, found: list[Change]) -> None:
    """One open issue while something is found, and none otherwise."""
    mark = f"vertex-tuning {what} {name}"
    if found:
        title, text = texts.issue(name, found)
        say(f"{name}: {what}; {github.open_issue(mark, label, title, text)}")
        return
    closed = github.close_issue(mark, label, f"`{name}`: no longer so. {texts.run_link()}")
    say(f"{name}: {what}: none" + (f"; closed {closed}" if closed else ""))
