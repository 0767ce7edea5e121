"""Estimates: pure arithmetic over the planned inputs of a service's resources and a price book.

The same functions serve stack outputs, budgets, the policy pack, the report and the doctor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from .. import checkpoints
from ..catalog import GLOBAL, models
from .book import Book
from .money import Basis, Money, span

HOURS_A_MONTH = 730
"""Google Cloud counts a month as 730 hours."""
BYTES_A_PARAMETER = 2
"""In bfloat16; an adapter alone takes less, so what is stored is counted at its most."""
_MILLION, _GIB = 1_000_000, 2**30
STALE_AFTER = dt.timedelta(days=90)
"""A list price that was looked up longer ago may have changed."""


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

    @property
    def bases(self) -> tuple[Basis, ...]:
        """The list prices that it was counted with."""
        return (self.once + self.monthly[1]).bases

    def told(self) -> dict[str, str]:
        """For people, and for a stack's outputs, where a preview shows how it changes."""
        return {
            "once": self.once.told(self.currency),
            "hourly": span(self.hourly, self.currency),
            "monthly": span(self.monthly, self.currency),
        }


def training(book: Book, job: Mapping[str, Any] | None) -> Money:
    """A tuning job's inputs; one that is adopted has been paid for, one that may only reuse never pays."""
    if job is None or _anothers(job):
        return Money()
    model, mode = str(job["base_model"]), str(job["mode"])
    if teacher := job.get("teacher"):
        return Money(unknown=(f"answers of {teacher}",)) + training(book, {**job, "teacher": None})
    tokens, row = job.get("billed_tokens"), book.training_row(model, mode)
    if tokens is None:
        return Money(unknown=("tokens of data that are not on this machine",))
    if row is None:
        return Money(unknown=(f"training of {model} {mode}",))
    return row.money(Decimal(int(tokens)) / _MILLION)


def _anothers(job: Mapping[str, Any]) -> bool:
    """Whether its weights can only be another's, who pays for them."""
    never = job.get("reuse") == "project" and job.get("retrain") == "deny"
    return never or bool(job.get("adopt_job"))


def node(book: Book, deployed: Mapping[str, Any]) -> Money:
    """An hour of one replica of a deployed model's inputs."""
    machine, region = str(deployed["machine_type"]), str(deployed["region"])
    return book.node_money(machine, region, spot=bool(deployed.get("spot")))


def machines(book: Book, deployed: Mapping[str, Any] | None) -> tuple[Money, Money]:
    """An hour at the least and at the most replicas."""
    if deployed is None:
        return Money(), Money()
    one = node(book, deployed)
    return one * int(deployed.get("min_replicas", 1)), one * int(deployed.get("max_replicas", 1))


def _stored_in(job: Mapping[str, Any] | None, deployed: Mapping[str, Any] | None) -> str:
    """The region whose price of storage counts: most likely the bucket's, which no input says."""
    tuned, served = job or {}, deployed or {}
    places = (tuned.get("region"), tuned.get("fallback_region"), served.get("region"))
    return next((str(place) for place in places if place not in (None, GLOBAL)), GLOBAL)


def weights(book: Book, job: Mapping[str, Any] | None, deployed: Mapping[str, Any] | None) -> Money:
    """A month of what a tuning leaves in the bucket; given weights and another's are not counted.

    Intermediate checkpoints count as full sets of weights, of an adapter too: Google leaves them merged.
    """
    if job is None or _anothers(job):
        return Money()
    size = next((m.parameters_billion for m in models() if m.id == job["base_model"]), None)
    if size is None:
        return Money(unknown=(f"storage in {_stored_in(job, deployed)}",))
    sets = checkpoints.kept(int(job.get("epochs") or 1), last_only=_prunes(deployed))
    if deployed is not None and _prunes(deployed) and deployed.get("checkpoint"):
        sets += 1
    gib = Decimal(sets * size * 1_000_000_000 * BYTES_A_PARAMETER) / _GIB
    return book.storage_money(_stored_in(job, deployed)) * gib


def _prunes(deployed: Mapping[str, Any] | None) -> bool:
    return deployed is not None and deployed.get("keep_checkpoints") == "final"


def estimate(book: Book, job: Mapping[str, Any] | None, deployed: Mapping[str, Any] | None) -> Estimate:
    """What a service costs, out of the planned inputs of its tuning job and its deployed model."""
    return Estimate(
        currency=book.currency,
        once=training(book, job),
        hourly=machines(book, deployed),
        storage=weights(book, job, deployed),
    )


def with_retries(each: Estimate, model: Mapping[str, Any] | None) -> Estimate:
    """The same with every job that may follow a failed one, out of a tuned model's planned inputs."""
    retry = (model or {}).get("retry") or {}
    return msgspec.structs.replace(each, once=each.once * int(retry.get("attempts", 1)))


def stale(bases: Iterable[Basis], today: dt.date) -> str:
    """One line about list prices that are older than 90 days; empty if none is."""
    dates = sorted({basis.date for basis in bases if today - basis.date > STALE_AFTER})
    if not dates:
        return ""
    return (
        f"list prices of {' and '.join(map(str, dates))} are older than {STALE_AFTER.days} days; "
        "`vertex-tuning prices refresh` looks them up, and rows by hand in prices.json win"
    )
