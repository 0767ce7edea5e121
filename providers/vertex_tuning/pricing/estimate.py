"""Estimates: pure arithmetic over the planned inputs of a service's resources and a price book.

The same functions serve stack outputs, budgets, the policy pack, the report and the doctor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ..catalog import models
from .book import Book

HOURS_A_MONTH = 730
"""Google Cloud counts a month as 730 hours."""
BYTES_A_PARAMETER = 2
"""In bfloat16; an adapter alone takes less, so what is stored is counted at its most."""
_MILLION, _GIB = 1_000_000, 2**30


class Money(msgspec.Struct, frozen=True):
    """An amount of which parts may be unknown; ``unknown`` names them, each once."""

    known: Decimal = Decimal(0)
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Money) -> Money:
        return Money(self.known + other.known, tuple(dict.fromkeys((*self.unknown, *other.unknown))))

    def __mul__(self, times: int) -> Money:
        return Money(self.known * times, self.unknown) if times else Money()

    def told(self, currency: str) -> str:
        """For people: ``12.30 USD``, ``unknown``, or ``at least 12.30 USD + unknown (storage)``."""
        if not self.unknown:
            return f"{rounded(self.known)} {currency}"
        if not self.known:
            return f"unknown ({', '.join(self.unknown)})"
        return f"at least {rounded(self.known)} {currency} + unknown ({', '.join(self.unknown)})"

    def brief(self, currency: str) -> str:
        """The same without the names of what is unknown, where they stand elsewhere."""
        return self.told(currency).partition(" (")[0]


def rounded(amount: Decimal) -> str:
    """To the cent; what is less than one and not nothing says so."""
    if 0 < amount < Decimal("0.005"):
        return "less than 0.01"
    return f"{amount:,.2f}"


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a service costs.

    Attributes:
        once: the tuning, whether or not it has been paid already.
        hourly: the machines at ``min_replicas`` and at ``max_replicas``.
        storage: of the weights, a month.
    """

    currency: str
    once: Money
    hourly: tuple[Money, Money]
    storage: Money

    @property
    def monthly(self) -> tuple[Money, Money]:
        """Machines and storage for a month at the least and at the most replicas."""
        low, high = self.hourly
        return low * HOURS_A_MONTH + self.storage, high * HOURS_A_MONTH + self.storage

    def told(self) -> dict[str, str]:
        """For people, and for a stack's outputs, where a preview shows how it changes."""
        return {
            "once": self.once.told(self.currency),
            "hourly": span(self.hourly, self.currency),
            "monthly": span(self.monthly, self.currency),
        }


def span(money: tuple[Money, Money], currency: str, told: Callable[[Money, str], str] = Money.told) -> str:
    """From the least to the most, or one amount when they are the same."""
    low, high = money
    if low == high:
        return told(low, currency)
    if low.unknown == high.unknown == ():
        return f"{rounded(low.known)} to {rounded(high.known)} {currency}"
    return f"{told(low, currency)} to {told(high, currency)}"


def training(book: Book, job: Mapping[str, Any] | None) -> Money:
    """A tuning job's inputs; one that is adopted has been paid for, one that may only reuse never pays."""
    if job is None or _anothers(job):
        return Money()
    model, mode = str(job["base_model"]), str(job["mode"])
    tokens, price = job.get("billed_tokens"), book.training(model, mode)
    if tokens is None:
        return Money(unknown=("tokens of data that are not on this machine",))
    if price is None:
        return Money(unknown=(f"training of {model} {mode}",))
    return Money(price * int(tokens) / _MILLION)


def _anothers(job: Mapping[str, Any]) -> bool:
    """Whether its weights can only be another's, who pays for them."""
    never = job.get("reuse") == "project" and job.get("retrain") == "deny"
    return never or bool(job.get("adopt_job"))


def node(book: Book, deployed: Mapping[str, Any]) -> Money:
    """An hour of one replica of a deployed model's inputs."""
    machine, region = str(deployed["machine_type"]), str(deployed["region"])
    spot = bool(deployed.get("spot"))
    price = book.node(machine, region, spot=spot)
    if price is None:
        return Money(unknown=(f"{'spot ' if spot else ''}{machine} in {region}",))
    return Money(price)


def machines(book: Book, deployed: Mapping[str, Any] | None) -> tuple[Money, Money]:
    """An hour at the least and at the most replicas."""
    if deployed is None:
        return Money(), Money()
    one = node(book, deployed)
    return one * int(deployed.get("min_replicas", 1)), one * int(deployed.get("max_replicas", 1))


def weights(book: Book, job: Mapping[str, Any] | None) -> Money:
    """A month of what a tuning leaves in the bucket; given weights and another's are not counted."""
    if job is None or _anothers(job):
        return Money()
    size = next((m.parameters_billion for m in models() if m.id == job["base_model"]), None)
    price = book.storage(str(job["region"]))
    if price is None or size is None:
        return Money(unknown=(f"storage in {job['region']}",))
    return Money(price * size * 1_000_000_000 * BYTES_A_PARAMETER / _GIB)


def estimate(book: Book, job: Mapping[str, Any] | None, deployed: Mapping[str, Any] | None) -> Estimate:
    """What a service costs, out of the planned inputs of its tuning job and its deployed model."""
    return Estimate(
        currency=book.currency,
        once=training(book, job),
        hourly=machines(book, deployed),
        storage=weights(book, job),
    )


def with_retries(each: Estimate, model: Mapping[str, Any] | None) -> Estimate:
    """The same with every job that may follow a failed one, out of a tuned model's planned inputs."""
    retry = (model or {}).get("retry") or {}
    return msgspec.structs.replace(each, once=each.once * int(retry.get("attempts", 1)))
