"""The time as a service counts it, from the date of its answers."""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any


class ServerClock:
    """How far the service's clock is from this machine's.

    An answer's date is of whole seconds, cut off: the largest difference that was seen is the closest. Before
    the first answer, this machine's own clock counts.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    def hear(self, response: Any, *_args: Any, **_options: Any) -> None:
        """Learn from an answer; one without a date says nothing."""
        try:
            told = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, TypeError, ValueError):
            return
        date = told if told.tzinfo else told.replace(tzinfo=UTC)
        ahead = date.timestamp() - time.monotonic()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)
