"""Answers that are kept for a while, each with the moment at which it was asked for.

A command of the engine is one process, in which many resources ask Google the same things. ``anew`` and
``newer_than`` say, for the calls of a thread, how old an answer may be at most.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any, NamedTuple, TypeVar, cast

Answer = TypeVar("Answer")

LONGEST = 60.0
"""Seconds for which an answer is kept at most."""

_TICKS = count(1)
_ANEW: ContextVar[int] = ContextVar("anew", default=0)
_NEWER: ContextVar[int] = ContextVar("newer", default=0)
_NEW: ContextVar[bool] = ContextVar("new", default=False)


def tick() -> int:
    """A moment, as a number that only grows."""
    return next(_TICKS)


@contextmanager
def anew(*, again: bool = True) -> Iterator[None]:
    """Calls inside use no answer that was asked for before now: what they decide deletes, pays or undoes.

    ``again=False`` leaves it as it is inside of another one.
    """
    if _ANEW.get() and not again:
        yield
        return
    before = _ANEW.set(tick())
    try:
        yield
    finally:
        _ANEW.reset(before)


@contextmanager
def expected_absent() -> Iterator[None]:
    """Calls inside are about something new: what a list does not show is not asked for by its name."""
    before = _NEW.set(True)
    try:
        yield
    finally:
        _NEW.reset(before)


def is_expected_absent() -> bool:
    """Whether this thread is inside ``expected_absent``."""
    return _NEW.get()


@contextmanager
def newer_than(moment: int) -> Iterator[None]:
    """Calls inside use no answer about what changes by itself that was asked for before this moment."""
    before = _NEWER.set(max(moment, _NEWER.get()))
    try:
        yield
    finally:
        _NEWER.reset(before)


class Known(NamedTuple):
    """An answer; ``asked`` and ``at`` say when it was asked for, ``at`` in seconds."""

    value: Any
    asked: int
    at: float


class Memo:
    """Answers by what was asked; of threads that ask the same at once, one asks and the others wait.

    Args:
        now: seconds since some moment.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[Hashable, Known] = {}
        self._changed: defaultdict[Hashable, int] = defaultdict(int)
        self._asking: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def get(
        self,
        key: Hashable,
        ask: Callable[[], Answer],
        *,
        about: Hashable = None,
        longest: float = LONGEST,
        settled: bool = False,
    ) -> Answer:
        """The answer that is known and young enough, or a new one.

        Args:
            key: what is asked.
            ask: asks it.
            about: what ``changed`` names when the answer is no longer right; the key itself when left out.
            longest: seconds after which an answer is asked for again.
            settled: it does not change by itself, so that ``newer_than`` says nothing of it.
        """
        with self._lock:
            asking = self._asking[key]
        with asking:
            known = self.peek(key, about=about, longest=longest, settled=settled)
            if known is None:
                asked, at = tick(), self._now()
                known = self._kept(key, Known(ask(), asked, at))
            return cast("Answer", known.value)

    def peek(
        self, key: Hashable, *, about: Hashable = None, longest: float = LONGEST, settled: bool = False
    ) -> Known | None:
        """What is known and young enough."""
        oldest = _ANEW.get() if settled else max(_ANEW.get(), _NEWER.get())
        with self._lock:
            known = self._known.get(key)
            if known is None or known.asked < max(oldest, self._changed[key if about is None else about]):
                return None
        return known if self._now() - known.at < longest else None

    def put(self, key: Hashable, value: object) -> None:
        """Keep what is known from now on without being asked for."""
        self._kept(key, Known(value, tick(), self._now()))

    def _kept(self, key: Hashable, known: Known) -> Known:
        with self._lock:
            there = self._known.get(key)
            if there is None or there.asked < known.asked:
                self._known[key] = known
        return known

    def changed(self, *subjects: Hashable) -> None:
        """Use no answer about these that was asked for before now: this process has changed them."""
        moment = tick()
        with self._lock:
            for subject in subjects:
                self._changed[subject] = moment

    def changed_at(self, subject: Hashable) -> int:
        """When it was changed last; 0 for never."""
        with self._lock:
            return self._changed[subject]
