"""A deadline: it stands in the claim of what bills, and the first command that acts after it enforces it.

A command that has one (``vertex-tuning reconcile`` tells it through the environment) writes it down
before anything is asked for, so it holds when that command's process is long dead. What became ready
in time loses its deadline; what did not is undeployed or cancelled, and the command fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from ..vertex.claim import HeldClaim
from ..vertex.claims import contended
from ..vertex.errors import VertexError
from ..vertex.memo import anew
from ..vertex.retry import on_clock
from .external import Clock, Context
from .phases import Observation, Phase

UNSETTLED = frozenset({Phase.ABSENT, Phase.BLOCKED, Phase.PENDING, Phase.PARTIAL})


class DeadlinePassed(VertexError):
    """It was not ready in time; the text says what was cancelled or undeployed."""


class Overdue(Exception):
    """The deadline came while something was waited for."""


class BoundClock:
    """A clock whose sleep ends when the deadline comes."""

    def __init__(self, clock: Clock, due: float) -> None:
        self._clock = clock
        self._due = due
        self.time = clock.time
        self.monotonic = clock.monotonic

    def sleep(self, seconds: float, /) -> None:
        """Wait.

        Raises:
            Overdue: the deadline came, before or meanwhile.
        """
        left = self._due - self._clock.time()
        self._clock.sleep(max(0.0, min(seconds, left)))
        if left <= seconds:
            raise Overdue


def due(context: Context, key: str, owner: str) -> float:
    """When this owner's stack wants it ready, in seconds since the epoch; infinity if nobody said.

    What the running command says is written down and takes the place of an earlier word, unless that
    has passed already: then it is enforced first.
    """

    def written() -> float:
        held = _owned(context, key, owner)
        if held is None:
            return math.inf
        if _takes_another(context, held):
            held = context.claims.bound(held, context.connection.deadline or 0.0)
        return held.claim.due or math.inf

    return contended(written)


def in_time(
    context: Context, due: float, bring: Callable[[Context], Observation], end: Callable[[], str | None]
) -> Observation:
    """Do what brings a resource as far as it gets, but not beyond its deadline.

    Args:
        context: what the external calls may use.
        due: the deadline.
        bring: the work, with a context whose clock ends it.
        end: takes back what is under way and says what it did. Empty: there was nothing, and it may
            begin, if it is not this command's own deadline. ``None``: it counts as ready and continues.

    Raises:
        DeadlinePassed: it was not ready in time.
    """
    own = context.connection.deadline == due
    if context.clock.time() < due:
        own = True
        try:
            clock = BoundClock(context.clock, due)
            with on_clock(clock):
                return bring(msgspec.structs.replace(context, clock=clock))
        except Overdue:
            pass
    with anew():
        done = end()
    if done is None or (not done and not own):
        return bring(context)
    raise DeadlinePassed(
        f"the deadline of {shown(due)} passed before it was ready: {done or 'nothing was started'}"
    )


def lift(context: Context, key: str, owner: str) -> None:
    """Remove the deadline: the work is ready, or was cancelled."""

    def lifted() -> None:
        held = _owned(context, key, owner)
        if held is not None and held.claim.due:
            context.claims.bound(held, 0.0)

    contended(lifted)


def awaited(context: Context, key: str, owner: str, seen: Observation) -> Observation:
    """What a look means when there may be a deadline to write down or to enforce; changes nothing."""
    held = _owned(context, key, owner) if seen.phase in UNSETTLED else None
    if held is None:
        return seen
    if _passed(context, held.claim.due):
        why = f"the deadline of {shown(held.claim.due)} has passed: `pulumi up` cancels what is not ready"
        return Observation(Phase.PARTIAL, seen.live, why)
    if _takes_another(context, held):
        return Observation(Phase.PARTIAL, seen.live, seen.reason)
    return seen


def shown(moment: float) -> str:
    """A moment as users read it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def same_stack(owner: str, other: str) -> bool:
    """Whether two services are in one stack, whose deadline is theirs."""
    return owner.rpartition("/")[0] == other.rpartition("/")[0]


def _owned(context: Context, key: str, owner: str) -> HeldClaim | None:
    held = context.claims.read(key, "")
    return held if held is not None and same_stack(held.claim.owner, owner) else None


def _passed(context: Context, moment: float) -> bool:
    return 0.0 < moment <= context.clock.time()


def _takes_another(context: Context, held: HeldClaim) -> bool:
    wanted = context.connection.deadline
    return wanted is not None and wanted != held.claim.due and not _passed(context, held.claim.due)
