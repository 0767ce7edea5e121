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
    FOLLOWS = "follows"  # differs only when another input does, which says what to do

    @property
    def replaces(self) -> bool:
        """Whether the resource is replaced."""
        return self in (Change.RETRAIN, Change.REDEPLOY, Change.MOVE)

    @property
    def acts(self) -> bool:
        """Whether anything is done for it."""
        return self not in (Change.NONE, Change.FOLLOWS)

    def because(self, why: str, *, key: str | None = None) -> Rule:
        """This consequence, and why it is the right one."""
        return Rule(self, why, key)


NOWHERE = ""
"""The key of an input that users do not write: it changes only with an edit that is reported itself."""


class Rule(NamedTuple):
    """A row of a kind's table; ``key`` is where a stack file has the input, if not under its own name."""

    change: Change
    why: str
    key: str | None = None


Table = Mapping[str, Rule]
"""Every input of a kind."""

EVERY_KIND: Table = {
    "service": Change.NONE.because("a name in messages; the resources are named after it", key=NOWHERE),
    "owner": Change.NONE.because(
        "stack and service: another owner's resource is another resource", key=NOWHERE
    ),
    "urn": Change.NONE.because("where progress is shown", key=NOWHERE),
    "wait": Change.NONE.because("says how long a call takes, not what it makes"),
}
"""The inputs that all kinds have, beside those of their own tables."""


class Changed(NamedTuple):
    """The inputs that differ, in the table's order."""

    in_place: tuple[str, ...]
    replacing: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.in_place or self.replacing)


def compare(table: Table, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changed:
    """Sort the inputs that differ by consequence. A missing key and ``None`` are the same."""
    differing = [
        name
        for name, rule in table.items()
        if rule.change.acts and not _same(before.get(name), after.get(name))
    ]
    return Changed(
        in_place=tuple(name for name in differing if not table[name].change.replaces),
        replacing=tuple(name for name in differing if table[name].change.replaces),
    )


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return all(_same(before.get(key), after.get(key)) for key in before.keys() | after.keys())
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)
