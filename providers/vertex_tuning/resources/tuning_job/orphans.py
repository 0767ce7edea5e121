"""Tuning jobs that run and are in no stack."""

from __future__ import annotations

from collections.abc import Iterator

from ... import names
from ...lifecycle.orphaned import Found, Orphan
from ...pricing import Book
from ...vertex.client import Job


def orphans(found: Found) -> Iterator[Orphan]:
    """Jobs with our label that are being paid for."""
    for job in found.jobs:
        owner = job.labels.get(names.OWNER_LABEL)
        if owner is not None and not job.state.ended and job.name.rsplit("/", 1)[-1] not in found.held.jobs:
            yield Orphan("tuning job", job.name, owner, _tuning(job, found.prices))


def _tuning(job: Job, prices: Book) -> str:
    """A running job; its tokens are unknown, so only the price of a million is given."""
    row = prices.training_row(job.base_model, job.mode.value) if job.mode is not None else None
    told = row.money().told(prices.currency, " for a million tokens") if row is not None else "price unknown"
    plural = "s" if job.epochs != 1 else ""
    return f"is running: {job.epochs} epoch{plural} of {job.base_model} on unknown data; {told}"
