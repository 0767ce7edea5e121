"""What a kind finds in a project that is its own and that no stack holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from ..pricing import NO_PRICES, Book, Money
from ..vertex.client import Endpoint, Job, Vertex


class Orphan(msgspec.Struct, frozen=True):
    """A resource of ours that no given stack manages, or whose deadline has passed.

    It has its full name (a claim: its object), owner, cost, and a note; ``hourly`` is its cost an hour at the
    fewest replicas, ``hourly_most`` at the most.
    """

    kind: str
    name: str
    owner: str
    bills: str
    about: str = ""
    hourly: Money = Money()
    hourly_most: Money = Money()


class Known(msgspec.Struct, frozen=True):
    """What the given stacks manage: ids, claim keys, and locations."""

    jobs: frozenset[str]
    endpoints: frozenset[str]
    models: frozenset[str]
    claims: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a region: all jobs, endpoints and full names of models; what stacks hold; prices.

    ``vertex`` lists what else a kind looks for; it is left out where only these are judged.
    """

    held: Known
    jobs: Sequence[Job]
    endpoints: Sequence[Endpoint]
    models: Sequence[str]
    prices: Book = NO_PRICES
    vertex: Vertex | None = None
    project: str = ""
    region: str = ""


Orphans = Callable[[Found], Iterable[Orphan]]


def none(_found: Found) -> Iterable[Orphan]:
    """The orphans of a kind that leaves nothing but its claim, or another kind's."""
    return ()
