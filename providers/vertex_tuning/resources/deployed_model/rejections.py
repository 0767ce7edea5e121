"""The last rejected model: its figures stay in a claim."""

from __future__ import annotations

from contextlib import suppress

from ... import names
from ...lifecycle import Context
from ...vertex.claim import Rejection
from ...vertex.claims import contended
from ...vertex.errors import VertexError

FAILED = "failed its last evaluation"
THIS_FAILED = f"this model {FAILED}"
"""Begins what is said of a model that is to be deployed although it failed."""


def last(context: Context, owner: str) -> Rejection | None:
    """The service's last model that failed, unless that one has passed since."""
    held = context.claims.read(names.claim_of_service(owner), "")
    return held.claim.rejected if held is not None else None


def note(context: Context, owner: str, rejected: Rejection) -> None:
    """Write it down; that this cannot be done must not hide that the model failed."""
    with suppress(VertexError):
        _write(context, owner, rejected)


def clear(context: Context, owner: str, model_id: str) -> None:
    """This model has passed."""
    found = last(context, owner)
    if found is not None and found.model == model_id:
        _write(context, owner, None)


def _write(context: Context, owner: str, rejected: Rejection | None) -> None:
    def attempt() -> None:
        held = context.claims.read(names.claim_of_service(owner), "")
        if held is not None:
            context.claims.reject(held, rejected)

    contended(attempt)


def scored(score: float, n: int, threshold: float, when: str) -> str:
    """A score beside what ``is`` or ``was`` asked for; rounded, the one may look like the other."""
    over = f"over {n} answers" if n > 1 else "in all"
    return f"score {score:.16g} {over}, at least {threshold:.16g} {when} asked for"
