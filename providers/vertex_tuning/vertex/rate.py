"""A bound on the requests to each location of a project, shared by all threads of a command.

Vertex AI allows so many requests a minute for each project and region; more are refused with 429.
"""

from __future__ import annotations

import re
import threading
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter

from .retry import sleep

BURST = 60
"""Requests that may be sent at once after a pause: with those of the minute still within the quota of 600."""
CONNECTIONS = 64
_PLACE = re.compile(r"/(?:ui/)?(?:v[0-9a-z]+/)?projects/[^/]+/locations/([^/:]+)")


class Rate:
    """A token bucket.

    Args:
        per_minute: how many tokens come back in a minute.
        now: seconds since some moment.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._per_second = per_minute / 60
        self._burst = min(BURST, per_minute)
        self._lock = threading.Lock()
        self._left = self._burst
        self._at = now

    def wait_for_one(self, now: float) -> float:
        """Take a token, and give the seconds until it is there."""
        with self._lock:
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
            self._at = now
            self._left -= 1
            return max(0.0, -self._left / self._per_second)


@cache
def rate_of(_place: str, per_minute: float) -> Rate:
    """The one bucket of a place in this process."""
    return Rate(per_minute, time.monotonic())


def place_of(url: str) -> str | None:
    """The location of a request; ``None`` for requests that belong to no location.

    The project is left out: Google's answers name it by number where we send its id, and the quota is one.
    """
    found = _PLACE.match(urlsplit(url).path)
    return found[1] if found else None


class SlowDown(HTTPAdapter):
    """Sends each request when its place's bucket has a token for it."""

    def __init__(self, per_minute: float) -> None:
        super().__init__(pool_maxsize=CONNECTIONS)
        self._per_minute = per_minute

    def send(self, request: Any, **how: Any) -> Any:  # type: ignore[override]  # the parent's six arguments
        """Wait, then send."""
        place = place_of(str(request.url))
        if place is not None and (pause := rate_of(place, self._per_minute).wait_for_one(time.monotonic())):
            sleep(pause)
        return super().send(request, **how)


def slow_down(session: Any, per_minute: float) -> None:
    """Bound the requests of a session."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, SlowDown(per_minute))
