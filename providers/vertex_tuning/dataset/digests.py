"""Which examples are there twice, in one file or in two. Pure."""

from array import array
from collections.abc import Iterator
from heapq import nsmallest
from typing import Final

from msgspec import Struct

DIGEST_BYTES: Final = 8
FIRST: Final = 20


class Repeat(Struct, frozen=True):
    """A line, and the first one that holds the same example."""

    line: int
    first: int


class Repeats(Struct, frozen=True):
    """How many examples are repeats, and the first twenty of them."""

    total: int = 0
    first: tuple[Repeat, ...] = ()


class Digests:
    """A digest of 64 bits for each example of a file, with its line: twelve bytes an example.

    They lie in 256 flat arrays by their first byte, so that only one in 256 has to be in a dict at a time.
    """

    def __init__(self) -> None:
        self._digests = [array("Q") for _ in range(256)]
        self._lines = [array("I") for _ in range(256)]

    def add(self, digests: bytes, lines_before: int) -> None:
        """Take the digests of lines that follow one another; zeros stand for a line without an example."""
        digest_arrays, line_arrays = self._digests, self._lines
        for line, digest in enumerate(array("Q", digests), lines_before + 1):
            if digest:
                digest_arrays[digest & 255].append(digest)
                line_arrays[digest & 255].append(line)

    def repeats(self) -> Repeats:
        """The examples that stand further up already, with the line of the first of them."""
        return _gather(self._repeated())

    def repeats_from(self, other: "Digests") -> Repeats:
        """The examples that are in another file too, with the line where it has them first."""
        return _gather(self._found_in(other))

    def _repeated(self) -> Iterator[Repeat]:
        for bucket in self._buckets():
            first: dict[int, int] = {}
            for digest, line in bucket:
                found = first.setdefault(digest, line)
                if found != line:
                    yield Repeat(line, found)

    def _found_in(self, other: "Digests") -> Iterator[Repeat]:
        for mine, theirs in zip(self._buckets(), other._buckets(), strict=True):
            first: dict[int, int] = {}
            for digest, line in theirs:
                first.setdefault(digest, line)
            for digest, line in mine:
                if digest in first:
                    yield Repeat(line, first[digest])

    def _buckets(self) -> Iterator[Iterator[tuple[int, int]]]:
        for digests, lines in zip(self._digests, self._lines, strict=True):
            yield zip(digests, lines, strict=True)


def _gather(repeats: Iterator[Repeat]) -> Repeats:
    total = 0

    def counted() -> Iterator[Repeat]:
        nonlocal total
        for repeat in repeats:
            total += 1
            yield repeat

    first = nsmallest(FIRST, counted(), key=lambda repeat: repeat.line)
    return Repeats(total, tuple(first))
