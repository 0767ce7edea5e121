"""The pauses of one create or update: how long they are, what is said meanwhile, and when they end."""

from __future__ import annotations

from collections.abc import Callable

from ..vertex.errors import NoCapacity, Unavailable, VertexError
from ..vertex.retry import elapsed, jittered
from .external import Context
from .phases import Observation, Phase
from .process import Interrupted

FIRST_PAUSE = 0.2  # seconds
GROWTH = 1.5
LONG_CAP = 4  # the longest pause in a wait of hours, in longest pauses of a shorter one
SHARE = 40  # of so long a wait a pause is this part at most
CAPACITY_CAP = 8  # the longest pause without capacity, in longest pauses between two polls


class Waiting:
    """Pauses that grow up to a cap.

    Args:
        context: whose clock is slept on.
        say: shows a line while it sleeps.
    """

    def __init__(self, context: Context, say: Callable[[str], None]) -> None:
        self._context = context
        self._say = say
        self._started = context.clock.monotonic()
        self._pause = FIRST_PAUSE
        self._backoff = context.connection.poll_seconds
        self._short_since: float | None = None
        self._unanswered_since: float | None = None

    def look_again(self, seen: Observation) -> None:
        """Pause before the next look: what takes hours is not asked for as often as what takes minutes.

        Raises:
            Interrupted: the engine was asked to stop; the text is the last observation's reason.
        """
        self._sleep(seen, self._pause)
        usual = self._context.connection.poll_seconds
        waited = self._context.clock.monotonic() - self._started
        longest = min(max(usual, waited / SHARE), usual * LONG_CAP)
        self._pause = min(self._pause * GROWTH, longest)

    def for_capacity(self, seen: Observation, refused: VertexError) -> None:
        """Pause before a region that has no machines free is asked again, for so long as is stated.

        Raises:
            NoCapacity: that time is over.
            Interrupted: the engine was asked to stop; the text is the last observation's reason.
        """
        now, bound = self._context.clock.monotonic(), self._context.connection.capacity_seconds
        if self._short_since is None:
            self._short_since = now
        left = self._short_since + bound - now
        if left <= 0:
            told = f"Asked again for {elapsed(bound)}; nothing was billed meanwhile"
            raise NoCapacity(f"{str(refused).rstrip('.')}. {told}")
        why = f"waits for capacity, for {elapsed(left)} more at most; nothing is billed meanwhile: {refused}"
        self._sleep(Observation(Phase.BLOCKED, seen.live, why), min(jittered(self._backoff), left))
        self._backoff = min(self._backoff * 2, self._context.connection.poll_seconds * CAPACITY_CAP)

    def answered(self) -> None:
        """A step was answered: the time for the next one that is not begins anew."""
        self._unanswered_since = None

    def for_answer(self, seen: Observation, unanswered: VertexError) -> None:
        """Pause before a step that was not answered is looked for, for so long as is stated.

        Raises:
            Unavailable: that time is over.
            Interrupted: the engine was asked to stop; the text is the last observation's reason.
        """
        now, bound = self._context.clock.monotonic(), self._context.connection.outage_seconds
        if self._unanswered_since is None:
            self._unanswered_since = now
        left = self._unanswered_since + bound - now
        if left <= 0:
            raise unanswered
        asked = unanswered.retry_after if isinstance(unanswered, Unavailable) else 0.0
        why = f"goes on when Google answers, for {elapsed(left)} more at most: {unanswered}"
        self._sleep(Observation(seen.phase, seen.live, why), min(max(jittered(self._backoff), asked), left))

    def _sleep(self, seen: Observation, seconds: float) -> None:
        reason = seen.reason or seen.phase.value
        left = seen.pace.left(self._context.clock.time()) if seen.pace else ""
        waited = elapsed(self._context.clock.monotonic() - self._started)
        self._say(f"{', '.join(filter(None, (reason, left)))} (waited {waited})")
        try:
            self._context.clock.sleep(seconds)
        except Interrupted:
            raise Interrupted(reason, under_way=seen.phase is not Phase.BLOCKED) from None
