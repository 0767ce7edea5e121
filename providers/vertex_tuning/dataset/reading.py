"""One reading of an open file: fingerprinted here, examined here or by workers, and put together."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Final

from msgspec import Struct, field

from vertex_tuning.dataset.crew import CrewLost, crew, workers_for
from vertex_tuning.dataset.digests import Digests
from vertex_tuning.dataset.examiner import Examined, Part, examine
from vertex_tuning.dataset.fingerprint import Fingerprint
from vertex_tuning.dataset.model import FindingKind
from vertex_tuning.dataset.pieces import parts, pieces_between
from vertex_tuning.dataset.tally import Tally

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

Progress = Callable[[int], None]
_Submit = Callable[[Part], Future[Examined]]
_Waiting = deque[tuple[Part, Future[Examined]]]

# How far the hashing may be ahead of the examining, in parts: what lies between is to be in the page cache.
MOST_AHEAD: Final = 16


class Reading(Struct):
    """What a file holds, and its fingerprint or, for a closer look, the digests of its examples."""

    size: int = 0
    tally: Tally = field(default_factory=Tally)
    digests: Digests = field(default_factory=Digests)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)


def read(file: int, *, closer: bool = False, progress: Progress | None = None) -> Reading:
    """Read an open file from its start to its end; raises OSError when that fails.

    A large file is examined by workers while it is hashed here. When they are lost, it is read once more
    without any.
    """
    workers = workers_for(os.fstat(file).st_size)
    if workers:
        try:
            with crew(file, workers) as submit:
                return _read(file, submit, closer=closer, progress=progress)
        except CrewLost:
            pass
    return _read(file, partial(_here, file), closer=closer, progress=progress)


def _here(file: int, part: Part) -> Future[Examined]:
    done: Future[Examined] = Future()
    done.set_result(examine(file, part))
    return done


def _read(file: int, submit: _Submit, *, closer: bool, progress: Progress | None) -> Reading:
    reading = Reading()
    for part, examined in _examined(file, reading, submit, closer=closer):
        if closer:
            reading.digests.add(examined.digests, reading.tally.lines, examined.tally.examples)
        reading.tally = reading.tally.then(examined.tally)
        if progress:
            progress(part.end - reading.size)
        reading.size = part.end
    return reading


def _examined(
    file: int, reading: Reading, submit: _Submit, *, closer: bool
) -> Iterator[tuple[Part, Examined]]:
    """The parts in their order, each as soon as it and those before it are examined."""
    marked = os.pread(file, len(_BYTE_ORDER_MARK), 0) == _BYTE_ORDER_MARK
    if marked:
        text = "the file begins with a byte order mark; save it as UTF-8 without BOM"
        reading.tally.note(1, FindingKind.BYTE_ORDER_MARK, text)
    waiting: _Waiting = deque()
    for start, end in parts(file):
        if not closer:
            reading.fingerprint.add(pieces_between(file, start, end))
        begin = len(_BYTE_ORDER_MARK) if marked and start == 0 else start
        part = Part(begin, end, reading.tally.format, closer)
        if part.format is None:
            # What the lines are to be read as has to be known before others can go on with them.
            yield part, examine(file, part)
            continue
        waiting.append((part, submit(part)))
        if len(waiting) > MOST_AHEAD:
            _lend_a_hand(file, waiting)
        while waiting and waiting[0][1].done():
            yield _first(waiting)
    while waiting:
        if not waiting[0][1].done():
            _lend_a_hand(file, waiting)
        yield _first(waiting)


def _first(waiting: _Waiting) -> tuple[Part, Examined]:
    part, future = waiting.popleft()
    return part, future.result()


def _lend_a_hand(file: int, waiting: _Waiting) -> None:
    """Examine the first part here that no worker has begun."""
    for at, (part, future) in enumerate(waiting):
        if future.cancel():
            waiting[at] = part, _here(file, part)
            return
