"""Amounts with their basis: dated list prices, assumptions, and unknown parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

import msgspec


class Basis(msgspec.Struct, frozen=True, order=True):
    """A list price in an amount; ``region`` is set if another region's price is assumed."""

    region: str
    date: dt.date


def named(bases: Iterable[Basis]) -> str:
    """As text: ``list price of 2026-07-08``, or ``us-central1 list price of 2026-07-08``."""
    regions = groupby(sorted(set(bases)), key=lambda basis: basis.region)
    return " and ".join(
        f"{region} list price of {' and '.join(str(basis.date) for basis in found)}".lstrip()
        for region, found in regions
    )


class Money(msgspec.Struct, frozen=True):
    """An amount with possibly unknown or assumed parts.

    Attributes:
        known: the sum of all parts that have a price, assumed prices included.
        unknown: the parts without a price, each once.
        assumed: the parts that are counted at another region's list price, each once.
        bases: the list prices in the sum, each once; prices by hand have no basis.
    """

    known: Decimal = Decimal(0)
    unknown: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ()

    def __add__(self, other: Money) -> Money:
        return Money(
            self.known + other.known,
            _once(self.unknown, other.unknown),
            _once(self.assumed, other.assumed),
            tuple(sorted({*self.bases, *other.bases})),
        )

    def __mul__(self, times: Decimal | int) -> Money:
        return Money(self.known * times, self.unknown, self.assumed, self.bases) if times else Money()

    @property
    def uncertain(self) -> tuple[str, ...]:
        """The parts with an unknown or assumed price."""
        return _once(self.unknown, self.assumed)

    @property
    def basis(self) -> str:
        """The suffix of an amount: list prices and assumptions in parentheses; empty without any."""
        prices = named(self.bases)
        assumed = f", assumed for {', '.join(self.assumed)}" if self.assumed else ""
        return f" ({prices}{assumed})" if prices else ""

    def told(self, currency: str, each: str = "", *, dated: bool = True) -> str:
        """As text; ``each`` follows the amount, such as `` an hour``; ``dated`` adds the list prices.

        ``12.30 USD (list price of 2026-07-08)``, ``unknown (x)``, or ``at least 12.30 USD + unknown (x)``.
        """
        if self.unknown and not self.known:
            return f"unknown ({', '.join(self.unknown)})"
        amount = f"{rounded(self.known)} {currency}{each}{self.basis if dated else ''}"
        return f"at least {amount} + unknown ({', '.join(self.unknown)})" if self.unknown else amount

    def brief(self, currency: str) -> str:
        """The amount without basis and without names of unknown parts."""
        amount = f"{rounded(self.known)} {currency}"
        if not self.unknown:
            return amount
        return f"at least {amount} + unknown" if self.known else "unknown"


def _once(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for each in parts for part in each))


def rounded(amount: Decimal) -> str:
    """Rounded to the cent; a positive amount below half a cent is ``under 0.01``."""
    if 0 < amount < Decimal("0.005"):
        return "under 0.01"
    return f"{amount:,.2f}"


def span(money: tuple[Money, Money], currency: str, each: str = "", *, brief: bool = False) -> str:
    """A range, or one amount if both ends are equal."""
    low, high = money
    if not low.unknown and not high.unknown and low.known != high.known:
        amount = f"{rounded(low.known)} to {rounded(high.known)} {currency}"
        return amount if brief else f"{amount}{each}{(low + high).basis}"
    ends = [each_end.brief(currency) if brief else each_end.told(currency, each) for each_end in money]
    return " to ".join(dict.fromkeys(ends))
