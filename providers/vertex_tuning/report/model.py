"""The report's model: what its three renderings show, and nothing else."""

from __future__ import annotations

import enum

import msgspec

from ..pricing import Money
from ..pricing.money import span

UNSEEN = "what stays as it is (preview without --show-sames)"
"""A part of a month's costs that an incomplete preview does not show."""


class Verb(enum.StrEnum):
    """What becomes of a service."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


class Training(enum.StrEnum):
    """Whether a model is tuned."""

    NO = "no"
    FIRST = "trains"
    AGAIN = "re-trains"
    REUSED = "no: a paid tuning is used"


class Downtime(enum.StrEnum):
    """What callers notice."""

    NONE = "none"
    STARTS = "none: it starts"
    TAKEN_OVER = "none: the new model takes over from the old one"
    GAP = "yes: the old model goes before the new one serves"
    MOVES = "yes: the endpoint gets another name and address"
    ENDS = "for good: it is no longer served"
    NOT_SERVED = "not served"


class Severity(enum.IntEnum):
    """How much a risk matters; the highest comes first."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2

    @property
    def word(self) -> str:
        """For people."""
        return self.name.capitalize()


class Risk(msgspec.Struct, frozen=True, order=True):
    """Something that a reviewer should not overlook."""

    severity: Severity
    service: str
    text: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An edited value: its key below the service in the stack file, and what the edit means.

    ``outside`` marks what was changed behind Pulumi's back and is put right again.
    """

    key: str
    before: str
    after: str
    means: str
    outside: bool = False


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset whose content changes. Counts are ``None`` where they are not known.

    ``added`` and ``removed`` count lines; without them ``not_compared`` says why. ``gone`` marks data that
    the service no longer has.
    """

    key: str
    source: str
    examples_before: int | None
    examples_after: int | None
    added: int | None = None
    removed: int | None = None
    not_compared: str = ""
    gone: bool = False


class Span(msgspec.Struct, frozen=True):
    """Money from the fewest replicas to the most."""

    low: Money
    high: Money

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def told(self, currency: str) -> str:
        """For people; what is unknown is named among the risks."""
        return span((self.low, self.high), currency, brief=True)


NOTHING = Span(Money(), Money())


class Cost(msgspec.Struct, frozen=True):
    """What this change pays once, and what a month costs before and after it."""

    once: Money
    before: Span
    after: Span

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.once + other.once, self.before + other.before, self.after + other.after)

    def monthly(self, currency: str) -> str:
        """For people: one figure if it stays, an arrow if it changes."""
        after = self.after.told(currency)
        return after if self.before == self.after else f"{self.before.told(currency)} → {after}"


NO_COST = Cost(Money(), NOTHING, NOTHING)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one service, and why."""

    name: str
    verb: Verb
    training: Training
    downtime: Downtime
    cost: Cost
    changes: tuple[Change, ...]
    data: tuple[Data, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole.

    Attributes:
        errors: why the preview failed; then the rest is what the engine came to before, and neither its
            figures nor "none" and "no" are the last word.
        services: those that change, those with the gravest risks first.
        others: how many resources change that are not ours, by operation and type.
        prices: the list prices that amounts are counted with; empty if none is.
        complete: whether the preview showed what stays as it is, too, so that sums hold all of it.
    """

    stack: str
    currency: str
    errors: tuple[str, ...]
    risks: tuple[Risk, ...]
    services: tuple[Service, ...]
    others: dict[str, int]
    cost: Cost
    prices: str
    complete: bool
