"""One-time and monthly costs before and after a change, stored weights included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..cost import NOBODY, used_of
from ..pricing import Book, Estimate, Money
from ..resources import KINDS, estimate
from .model import NOTHING, UNSEEN, Cost, Span, Training
from .preview import Op, Planned, one


class Costs(msgspec.Struct, frozen=True):
    """A service's costs, the two estimates, and notes on the weights."""

    cost: Cost
    before: Estimate
    after: Estimate
    notes: tuple[str, ...]


def costs(
    parts: Sequence[Planned], book: Book, training: Training, said: Mapping[str, list[str]], *, complete: bool
) -> Costs:
    """Compute them from the planned inputs of a service's resources.

    Args:
        parts: the service's resources.
        book: today's prices, for both sides.
        training: whether a model is tuned.
        said: messages per resource.
        complete: whether the preview includes unchanged resources.
    """
    job = one(parts, "TuningJob")
    before, after = (estimate(book, _side(parts, side)) for side in ("before", "after"))
    kept = before.storage if _stays(parts) else Money()
    stored = before.storage if _owned(job) else Money()
    to_store = after.storage
    if training is Training.REUSED:
        # Reused weights of our own have been stored all the time.
        to_store = to_store if job is not None and _ours(job, said) else Money()
        stored += to_store
    elif job is not None and job.op in (Op.SAME, Op.UPDATE):
        to_store = to_store if _owned(job) else Money()
    before = msgspec.structs.replace(before, storage=stored)
    after = msgspec.structs.replace(after, storage=to_store + kept)
    unseen = NOTHING if complete or _all_shown(parts) else Span(_UNSEEN, _UNSEEN)
    return Costs(
        Cost(
            after.once if training in (Training.FIRST, Training.AGAIN) else Money(),
            Span(*before.monthly) + unseen,
            Span(*after.monthly) + unseen,
        ),
        before,
        after,
        tuple(_of_weights(parts, kept, book.currency)),
    )


_UNSEEN = Money(unknown=(UNSEEN,))


def _side(parts: Sequence[Planned], side: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in KINDS:
        inputs = getattr(one(parts, kind), side, None)
        if inputs is not None:
            yield kind, inputs


def _owned(job: Planned | None) -> bool:
    """Whether the old weights are the service's own: its job was neither adopted nor reused."""
    return job is not None and bool((job.before or {}).get("owned", True))


def _ours(job: Planned, said: Mapping[str, list[str]]) -> bool:
    """Whether the reused weights are the service's own, or without an owner."""
    after = job.after or {}
    owners = [owner for line in said.get(job.urn, ()) if (owner := used_of(line))]
    ours = {NOBODY, after.get("owner"), after.get("owner_label")}
    return not after.get("adopt_job") and bool(owners) and set(owners) <= ours


def _gone(parts: Sequence[Planned]) -> Planned | None:
    """The tuning whose weights no resource names after the change, if they exist."""
    job, model = one(parts, "TuningJob"), one(parts, "TunedModel")
    if job is None or job.before is None or job.op not in (Op.DELETE, Op.REPLACE) or not _owned(job):
        return None
    # In the same folder the next tuning replaces the weights.
    same = job.before.get("job_output_uri") == (job.after or {}).get("job_output_uri")
    there = model is not None and (model.before or {}).get("phase") == "ready"
    return job if there and not same else None


def _deletes(parts: Sequence[Planned]) -> bool:
    model = one(parts, "TunedModel")
    return model is not None and bool((model.before or {}).get("delete_artifacts"))


def _stays(parts: Sequence[Planned]) -> bool:
    return _gone(parts) is not None and not _deletes(parts)


def _of_weights(parts: Sequence[Planned], kept: Money, currency: str) -> Iterator[str]:
    job = _gone(parts)
    if job is None or job.before is None:
        return
    whose = "its weights" if job.op is Op.DELETE else "the weights of the current tuning"
    if _deletes(parts):
        yield f"{whose} are deleted (delete_artifacts: true)"
        return
    told = "price unknown" if kept.unknown else f"{kept.brief(currency)} a month"
    yield f"{whose} are kept in {job.before.get('job_output_uri')}; {told}"


def _all_shown(parts: Sequence[Planned]) -> bool:
    """Whether an incomplete preview includes all resources that have a monthly cost."""
    if {part.op for part in parts} in ({Op.CREATE}, {Op.DELETE}):
        return True
    model = one(parts, "TunedModel")
    given = model is not None and bool((model.after or model.before or {}).get("weights_uri"))
    return (given or one(parts, "TuningJob") is not None) and one(parts, "DeployedModel") is not None
