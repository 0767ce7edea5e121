"""What a tuning costs, and what its weights cost to store, out of the planned inputs of its job."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ... import checkpoints
from ...catalog import GLOBAL, models
from ...pricing import Book, Estimate, Money

BYTES_A_PARAMETER = 2
"""In bfloat16; an adapter alone takes less, so storage is an upper estimate."""
_MILLION, _GIB = 1_000_000, 2**30


def of_job(book: Book, job: Mapping[str, Any], service: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """A tuning, and a month of its weights."""
    stored = weights(book, job, service.get("DeployedModel"))
    return Estimate(currency=book.currency, once=training(book, job), storage=stored)


def price_of(book: Book, job: Mapping[str, Any]) -> str:
    """The price of a tuning, for people; empty if nothing of it is known."""
    once = training(book, job)
    return once.told(book.currency) if once.known or not once.unknown else ""


def training(book: Book, job: Mapping[str, Any] | None) -> Money:
    """The cost of a tuning job from its inputs; adopted and reuse-only jobs cost nothing."""
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
    """Whether it can only reuse another owner's weights."""
    never = job.get("reuse") == "project" and job.get("retrain") == "deny"
    return never or bool(job.get("adopt_job"))


def _stored_in(job: Mapping[str, Any] | None, deployed: Mapping[str, Any] | None) -> str:
    """The region whose storage price applies: the likely region of the bucket."""
    tuned, served = job or {}, deployed or {}
    places = (tuned.get("region"), tuned.get("fallback_region"), served.get("region"))
    return next((str(place) for place in places if place not in (None, GLOBAL)), GLOBAL)


def weights(book: Book, job: Mapping[str, Any] | None, deployed: Mapping[str, Any] | None) -> Money:
    """A month's storage of a tuning's weights; given and reused weights are not counted.

    Intermediate checkpoints count as full sets of weights, also for adapters: Google stores them merged.
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
