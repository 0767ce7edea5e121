"""Trying again, in one place: only what passes by itself, with jitter and a cap."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

from .errors import QuotaExceeded, Unavailable, translated
from .failures import OUTLASTED, TRIED_AGAIN

ATTEMPTS = 6
QUIET_SECONDS = 5.0
"""A trouble that passes sooner is not worth a line: an object that was written a second ago is one."""
QUICK_ATTEMPTS = 2
"""Attempts before an outage is reported."""
TIMEOUT = 60.0
"""Seconds for one call: the clients' own are 5 for some and none for others, which then never end."""
CALL: dict[str, Any] = {"timeout": TIMEOUT, "retry": None}
"""What every call to Google's clients gets: a bound, and no trying again but ours."""
LONGEST_PAUSE = 15.0
GROWTH = 1.5
JITTER = 0.25
Answer = TypeVar("Answer")


class Clock(Protocol):
    """What is used of the module ``time``."""

    def monotonic(self) -> float:
        """Seconds since some moment, whatever is done to the machine's clock."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Patience(NamedTuple):
    """How long a command that acts waits for a service that does not answer.

    Attributes:
        seconds: the bound, from the first call without an answer on.
        clock: sleeps; what ends the command ends the sleep, with an error.
        say: shows a line while it sleeps.
    """

    seconds: float
    clock: Clock
    say: Callable[[str], None]


_PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def outlasting(patience: Patience | None) -> Iterator[None]:
    """Calls of this thread wait so long for an answer; ``None``: a minute, as in a preview."""
    before = _PATIENCE.set(patience)
    try:
        yield
    finally:
        _PATIENCE.reset(before)


@contextmanager
def on_clock(clock: Clock) -> Iterator[None]:
    """The same patience on another clock."""
    patience = _PATIENCE.get()
    with outlasting(patience._replace(clock=clock) if patience is not None else None):
        yield


def looked_up(call: Callable[[], Answer]) -> Answer:
    """The answer to a read, or to a write without harm if it is repeated.

    Up to ``ATTEMPTS`` tries within a minute; in a command that acts, as long as its patience.
    A used-up quota here is one of calls in a minute, which passes; what is waited for in line is ``once``.
    """
    return _answer(call, (*OUTLASTED, QuotaExceeded))


def repeated(call: Callable[[], Answer]) -> Answer:
    """The answer to a write without harm if it is repeated, which a quota of the project may refuse."""
    return _answer(call, OUTLASTED)


def _answer(call: Callable[[], Answer], outlasted: tuple[type[Exception], ...]) -> Answer:
    patience = _PATIENCE.get()
    if patience is None:
        return _tried(call, ATTEMPTS)
    since, pause = patience.clock.monotonic(), 1.0
    while True:
        try:
            return _tried(call, QUICK_ATTEMPTS)
        except outlasted as trouble:
            now = patience.clock.monotonic()
            left = since + patience.seconds - now
            if left <= 0:
                waited = f"Google has not answered for {elapsed(now - since)}"
                raise type(trouble)(f"{str(trouble).rstrip('.')}. {waited}; run it again") from trouble
            rest = min(left, max(jittered(pause), getattr(trouble, "retry_after", 0.0)))
            if now - since + rest >= QUIET_SECONDS:
                patience.say(
                    f"Google has not answered for {elapsed(now - since)} ({trouble}); still waiting, "
                    f"for {elapsed(left)} more at most"
                )
            patience.clock.sleep(rest)
            pause = min(pause * GROWTH, LONGEST_PAUSE)


def _tried(call: Callable[[], Answer], attempts: int) -> Answer:
    # Imported here: a preview that finds nothing changed does without it.
    import stamina

    @stamina.retry(
        on=_pause_after,
        attempts=attempts,
        timeout=60.0,
        wait_initial=0.2,
        wait_max=10.0,
        wait_jitter=1.0,
    )
    def tried() -> Answer:
        with translated():
            return call()

    return tried()


def _pause_after(error: Exception) -> bool | float:
    """Whether to try again, and after which pause if the server says one."""
    asked = error.retry_after if isinstance(error, Unavailable) else 0.0
    return asked or isinstance(error, TRIED_AGAIN)


def once(call: Callable[[], Answer]) -> Answer:
    """A write that may cost money twice: one try, the error translated."""
    with translated():
        return call()


def jittered(pause: float) -> float:
    """A pause a little longer or shorter: what was refused at once is asked again at different moments."""
    return pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def sleep(seconds: float) -> None:
    """Pause before a request; what ends the command ends the pause."""
    patience = _PATIENCE.get()
    (patience.clock.sleep if patience is not None else time.sleep)(seconds)


def elapsed(seconds: float) -> str:
    """A span of time as users read it."""
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
