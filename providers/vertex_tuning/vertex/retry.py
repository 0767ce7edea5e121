"""Trying again, in one place: only what passes by itself, with jitter and a cap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import stamina

from .errors import translated
from .failures import TRIED_AGAIN

ATTEMPTS = 6
TIMEOUT = 60.0
"""Seconds for one call: the clients' own are 5 for some and none for others, which then never end."""
CALL: dict[str, Any] = {"timeout": TIMEOUT, "retry": None}
"""What every call to Google's clients gets: a bound, and no trying again but ours."""
Answer = TypeVar("Answer")


def looked_up(call: Callable[[], Answer]) -> Answer:
    """A read, or a write that can be repeated without harm: up to ``ATTEMPTS`` tries within a minute.

    A used-up quota here is one of calls in a minute, which passes; what is waited for in line is ``once``.
    """

    @stamina.retry(
        on=TRIED_AGAIN,
        attempts=ATTEMPTS,
        timeout=60.0,
        wait_initial=0.2,
        wait_max=10.0,
        wait_jitter=1.0,
    )
    def tried() -> Answer:
        with translated():
            return call()

    return tried()


def once(call: Callable[[], Answer]) -> Answer:
    """A write that may cost money twice: one try, the error translated."""
    with translated():
        return call()
