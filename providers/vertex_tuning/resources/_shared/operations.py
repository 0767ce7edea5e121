"""Waiting for Google's long-running operations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ...lifecycle import Context, process
from ...vertex.client import Operation
from ...vertex.errors import AlreadyExists, NotFound, Transient, Unavailable, of_rpc


def ended(context: Context, name: str | None, *, seconds: float = 1800.0) -> Operation | None:
    """Wait for an operation's end, good or bad; ``None`` stands for nothing to wait for.

    Raises:
        Transient: it took longer than ``seconds``.
        Interrupted: the engine was asked to stop; the text names what is running.
    """
    pause, end = 0.1, context.clock.monotonic() + seconds
    while name is not None:
        seen = context.vertex.serving.operation(name)
        if seen is None or seen.done:
            return seen
        if context.clock.monotonic() > end:
            raise Transient(f"{name} is still under way after {seconds:.0f} s; run it again to go on waiting")
        try:
            context.clock.sleep(pause)
        except process.Interrupted:
            raise process.Interrupted(f"{name} is under way") from None
        pause = min(pause * 1.5, context.connection.poll_seconds)
    return None


def finish(context: Context, name: str | None) -> None:
    """Wait for an operation's success; ``None`` stands for nothing to wait for.

    Raises:
        VertexError: the operation failed, or takes too long.
    """
    seen = ended(context, name)
    if seen is not None and seen.error_code:
        raise of_rpc(seen.error_code, seen.error_message)


def gone(context: Context, name: str | None) -> None:
    """Wait until something is deleted; that another delete was quicker is success.

    Raises:
        VertexError: the operation failed, or takes too long.
    """
    with suppress(NotFound):
        finish(context, name)


def made(context: Context, name: str, make: Callable[[], str], there: Callable[[], bool]) -> None:
    """Make something under a name of ours; a run that was killed, or not answered, may be making it still.

    Raises:
        VertexError: the operation failed, or takes too long; or whether there is one is not known.
    """
    try:
        finish(context, make())
    except (AlreadyExists, Unavailable):
        for operation in context.vertex.serving.under_way(name):
            ended(context, operation)
        if not there():
            raise


def changing(context: Context, endpoint: str) -> bool:
    """Whether something is being put onto an endpoint or taken off: what it shows now will not last."""
    return context.vertex.serving.changing(endpoint)
