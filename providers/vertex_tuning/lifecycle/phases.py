"""What a look at the outside finds, and the one pure decision that follows from it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec


class Phase(enum.StrEnum):
    """Where a resource stands outside."""

    ABSENT = "absent"  # it is not there and can be asked for
    BLOCKED = "blocked"  # something that comes before it is not ready
    PENDING = "pending"  # asked for and under way
    PARTIAL = "partial"  # there, but one more step is ours to take
    READY = "ready"
    FAILED = "failed"  # ended without success; not tried again unless asked
    LOST = "lost"  # was there and is gone, and making it again would cost money


class Pace(msgspec.Struct, frozen=True):
    """When something began, in seconds since the epoch, and which share of it is done."""

    begun: float
    share: float

    def left(self, now: float) -> str:
        """For people, how long the rest takes at this pace; empty where nothing can be said."""
        if not 0.0 < self.share < 1.0 or now <= self.begun:
            return ""
        seconds = (now - self.begun) * (1.0 / self.share - 1.0)
        if seconds < 90:
            return f"about {max(seconds, 1):.0f} s left"
        return (
            f"about {seconds / 60:.0f} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"
        )


class Observation(msgspec.Struct, frozen=True):
    """One look: the phase, the outputs seen, in one line why it is so, and how quickly it goes on.

    A key of ``live`` that is also an input's name says what that input is outside: that is drift.
    """

    phase: Phase
    live: Mapping[str, Any] = {}
    reason: str = ""
    pace: Pace | None = None


class Decision(enum.Enum):
    """The next thing to do about a resource."""

    SUBMIT = enum.auto()  # take the next step
    WAIT = enum.auto()  # observe again later
    SETTLED = enum.auto()  # return: as declared, or not ours to wait for
    STOP = enum.auto()  # fail: it will not become ready by itself


def decide(phase: Phase, *, wait: bool) -> Decision:
    """The next thing to do, from where the resource stands and whether to wait for it."""
    match phase:
        case Phase.ABSENT | Phase.PARTIAL:
            return Decision.SUBMIT
        case Phase.PENDING | Phase.BLOCKED:
            return Decision.WAIT if wait else Decision.SETTLED
        case Phase.READY:
            return Decision.SETTLED
        case Phase.FAILED | Phase.LOST:
            return Decision.STOP
