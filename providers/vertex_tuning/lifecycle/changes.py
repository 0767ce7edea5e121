"""What an edit of each input means: one closed table per kind of resource."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, NamedTuple


class Change(enum.StrEnum):
    """The consequence of a changed input."""

    IN_PLACE = "in place"
    RETRAIN = "re-train"  # a new tuning job, which costs money
    REDEPLOY = "redeploy"  # a new deployment beside the old one, which then goes
    MOVE = "move"  # made anew elsewhere
    NONE = "no difference"  # does not exist outside, or cannot be changed there

    @property
    def replaces(self) -> bool:
        """Whether the resource is made anew."""
        return self in (Change.RETRAIN, Change.REDEPLOY, Change.MOVE)


class Changed(NamedTuple):
    """The inputs that differ, in the table's order."""

    in_place: tuple[str, ...]
    replacing: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.in_place or self.replacing)


def compare(table: Mapping[str, Change], before: Mapping[str, Any], after: Mapping[str, Any]) -> Changed:
    """Sort the inputs that differ by consequence. A missing key and ``None`` are the same."""
    differing = [
        name
        for name, change in table.items()
        if change is not Change.NONE and not _same(before.get(name), after.get(name))
    ]
    return Changed(
        in_place=tuple(name for name in differing if not table[name].replaces),
        replacing=tuple(name for name in differing if table[name].replaces),
    )


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return all(_same(before.get(key), after.get(key)) for key in before.keys() | after.keys())
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)
