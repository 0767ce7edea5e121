"""The report's model, which the three renderings show."""

from __future__ import annotations

import enum

import msgspec

from ..pricing import Money
from ..pricing.money import span

UNSEEN = "unchanged resources (preview without --show-sames)"
"""The part of the monthly costs that an incomplete preview lacks."""


class Verb(enum.StrEnum):
    """What happens to a service."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


class Training(enum.StrEnum):
    """Whether a tuning runs."""

    NO = "no"
    FIRST = "trains"
    AGAIN = "re-trains"
    REUSED = "no: a paid tuning is used"


class Downtime(enum.StrEnum):
    """The effect on callers."""

    NONE = "none"
    STARTS = "none: it starts"
    TAKEN_OVER = "none: the new model takes over from the old one"
    GAP = "yes: the old model stops before the new one serves"
    MOVES = "yes: the endpoint gets another name and address"
    ENDS = "permanent: it is no longer served"
    NOT_SERVED = "not served"


class Severity(enum.IntEnum):
    """A risk's severity, highest first."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2

    @property
    def word(self) -> str:
        """For people."""
        return self.name.capitalize()


class Risk(msgspec.Struct, frozen=True, order=True):
    """A risk for the reviewer."""

    severity: Severity
    service: str
    text: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An edited value: its key below the service in the stack file, and its effect.

    ``outside`` marks drift that the change reverts.
    """

    key: str
    before: str
    after: str
    means: str
    outside: bool = False


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset whose content changes. Unknown counts are ``None``.

    ``added`` and ``removed`` count lines; without them ``not_compared`` says why. ``gone`` marks removed
    data.
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
    """Costs from the fewest to the most replicas."""

    low: Money
    high: Money

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def told(self, currency: str) -> str:
        """As text; unknown parts are listed among the risks."""
        return span((self.low, self.high), currency, brief=True)


NOTHING = Span(Money(), Money())


class Cost(msgspec.Struct, frozen=True):
    """The one-time cost of this change, and monthly costs before and after."""

    once: Money
    before: Span
    after: Span

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.once + other.once, self.before + other.before, self.after + other.after)

    def monthly(self, currency: str) -> str:
        """As text: one figure, or two with an arrow if it changes."""
        after = self.after.told(currency)
        return after if self.before == self.after else f"{self.before.told(currency)} → {after}"


NO_COST = Cost(Money(), NOTHING, NOTHING)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One service's change and its causes."""

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
        errors: why the preview failed; then the rest is incomplete, its figures and "none" and "no" included.
        services: the changed ones, highest risk first.
        others: numbers of changed resources of others, by operation and type.
        prices: the list prices in the amounts; empty if there are none.
        complete: whether the preview includes unchanged resources, so that sums are complete.
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
