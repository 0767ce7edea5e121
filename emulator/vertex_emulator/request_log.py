"""The log of recent calls, in which tests count submissions."""

from collections import deque

import msgspec

_KEPT = 20_000


class Entry(msgspec.Struct, frozen=True):
    """One served call. `status` is 0 when the connection was closed without an answer."""

    seq: int
    method: str
    path: str
    status: int


class RequestLog:
    """The latest calls; older ones are forgotten."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._seq = 0

    @property
    def last(self) -> int:
        """The number of the latest call that has arrived."""
        return self._seq

    def next_seq(self) -> int:
        """The number of a call that arrives; they count from 1."""
        self._seq += 1
        return self._seq

    def add(self, entry: Entry) -> None:
        """Record a finished call."""
        self._entries.append(entry)

    def since(self, seq: int) -> list[Entry]:
        """The calls with a higher number that are still kept, in the order in which they ended."""
        return [entry for entry in self._entries if entry.seq > seq]
