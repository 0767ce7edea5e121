"""Estimates: sums over what resources cost. Each kind of resource counts its own.

The same functions serve stack outputs, budgets, the policy pack, the report and the doctor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from .money import Basis, Money, span

HOURS_A_MONTH = 730
"""Google Cloud counts a month as 730 hours."""
STALE_AFTER = dt.timedelta(days=90)
"""Older list prices give a warning."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What resources cost.

    Attributes:
        once: the tuning, paid already or not.
        again: every tuning that may follow a failed one.
        hourly: the machines at ``min_replicas`` and at ``max_replicas``.
        storage: of the weights, a month.
    """

    currency: str
    once: Money = Money()
    again: Money = Money()
    hourly: tuple[Money, Money] = (Money(), Money())
    storage: Money = Money()

    def __add__(self, other: Estimate) -> Estimate:
        low, high = (mine + its for mine, its in zip(self.hourly, other.hourly, strict=True))
        return Estimate(
            currency=self.currency,
            once=self.once + other.once,
            again=self.again + other.again,
            hourly=(low, high),
            storage=self.storage + other.storage,
        )

    @property
    def monthly(self) -> tuple[Money, Money]:
        """Machines and storage for a month at the least and at the most replicas."""
        low, high = self.hourly
        return low * HOURS_A_MONTH + self.storage, high * HOURS_A_MONTH + self.storage

    @property
    def bases(self) -> tuple[Basis, ...]:
        """The list prices in it."""
        return (self.once + self.monthly[1]).bases

    def told(self) -> dict[str, str]:
        """As text, for people and stack outputs."""
        return {
            "once": self.once.told(self.currency),
            "hourly": span(self.hourly, self.currency),
            "monthly": span(self.monthly, self.currency),
        }


def stale(bases: Iterable[Basis], today: dt.date) -> str:
    """A warning about list prices older than 90 days; empty if there are none."""
    dates = sorted({basis.date for basis in bases if today - basis.date > STALE_AFTER})
    if not dates:
        return ""
    return (
        f"list prices of {' and '.join(map(str, dates))} are older than {STALE_AFTER.days} days; "
        "run `vertex-tuning prices refresh`, or write rows to prices.json"
    )
