"""Which examples are there twice, in one file or in two."""

from array import array
from collections.abc import Iterator
from heapq import nsmallest
from itertools import chain, compress, islice, starmap
from tempfile import SpooledTemporaryFile
from typing import Final
from weakref import finalize

from msgspec import Struct

from vertex_tuning.dataset.examiner import DIGEST_BYTES

FIRST: Final = 20

# What is kept of a file in memory; beyond it the digests lie in a temporary file.
IN_MEMORY_BYTES: Final = 16 << 20
# How many lines are looked at together, in 30 to 60 MB: the more, the fewer times all are passed over.
GROUP_LINES: Final = 1 << 19
BLOCK_BYTES: Final = 512 << 10


class Repeat(Struct, frozen=True):
    """A line, and the first one that holds the same example."""

    line: int
    first: int


class Repeats(Struct, frozen=True):
    """How many examples are repeats, and the first twenty of them."""

    total: int = 0
    first: tuple[Repeat, ...] = ()


class Digests:
    """A digest of 64 bits for each line of a file, zeros where it holds no example.

    Equal digests are taken for equal examples: among ten million examples that all differ, the chance that
    any two are taken for the same is 1 in 370,000. The digests are looked at in groups by their first byte,
    so memory is flat up to 134 million lines.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  closed when nobody needs it
        finalize(self, self._file.close)
        self._lines = 0
        self._examples = 0

    def add(self, digests: bytes, lines_before: int, examples: int) -> None:
        """Take the digests of lines that follow one another, so many of them of examples."""
        self._file.seek(lines_before * DIGEST_BYTES)  # what is passed over is read as zeros
        self._file.write(digests)
        self._lines = lines_before + len(digests) // DIGEST_BYTES
        self._examples += examples

    def repeats(self) -> Repeats:
        """The examples that stand further up already, with the line of the first of them."""
        groups = _groups(self._lines)
        total = self._examples - sum(map(self._distinct, groups))
        found = chain.from_iterable(islice(self._repeated(group), FIRST) for group in groups if total)
        return Repeats(total, _first(found))

    def repeats_from(self, other: "Digests") -> Repeats:
        """The examples that are in another file too, with the line where it has them first."""
        groups = _groups(max(self._lines, other._lines))
        total = 0

        def counted() -> Iterator[Repeat]:
            nonlocal total
            for group in groups:
                for repeat in self._found_in(other, group):
                    total += 1
                    yield repeat

        first = _first(counted())
        return Repeats(total, first)

    def _distinct(self, group: bytes) -> int:
        digests = set(chain.from_iterable(starmap(compress, self._blocks(group))))
        digests.discard(0)
        return len(digests)

    def _repeated(self, group: bytes) -> Iterator[Repeat]:
        first: dict[int, int] = {}
        for line, digest in self._numbered(group):
            found = first.setdefault(digest, line)
            if found != line:
                yield Repeat(line, found)

    def _found_in(self, other: "Digests", group: bytes) -> Iterator[Repeat]:
        first: dict[int, int] = {}
        for line, digest in other._numbered(group):
            first.setdefault(digest, line)
        for line, digest in self._numbered(group):
            if digest in first:
                yield Repeat(line, first[digest])

    def _numbered(self, group: bytes) -> Iterator[tuple[int, int]]:
        """The lines with an example of a group, and its digests."""
        line = 1
        for digests, chosen in self._blocks(group):
            for numbered in compress(enumerate(digests, line), chosen):
                if numbered[1]:
                    yield numbered
            line += len(digests)

    def _blocks(self, group: bytes) -> Iterator[tuple["array[int]", bytes]]:
        """Digests of lines that follow one another, and for each whether it belongs to the group."""
        self._file.seek(0)
        while block := self._file.read(BLOCK_BYTES):
            yield array("Q", block), block[::DIGEST_BYTES].translate(group)


def _groups(lines: int) -> list[bytes]:
    """Enough groups for so many lines, each as a table: whether digests with a first byte belong to it."""
    count = min(1 << (lines // GROUP_LINES).bit_length(), 256)
    return [bytes(byte % count == number for byte in range(256)) for number in range(count)]


def _first(repeats: Iterator[Repeat]) -> tuple[Repeat, ...]:
    return tuple(nsmallest(FIRST, repeats, key=lambda repeat: repeat.line))
