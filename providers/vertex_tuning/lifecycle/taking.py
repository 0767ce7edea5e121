"""Taking what its owner is undoing: waited for, and finished for an owner who did not live to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import TypeVar

import msgspec

from ..vertex.claim import BeingEnded, HeldClaim
from ..vertex.claims import ClaimChanged
from ..vertex.memo import anew
from . import process
from .external import Context

Taken = TypeVar("Taken")

PATIENCE = 2
"""Grace periods after which an owner that still undoes counts as dead: one that lives waits for one."""


def acquire(
    context: Context, urn: str, key: str, take: Callable[[], Taken], finish: Callable[[HeldClaim], None]
) -> Taken:
    """Take a claim or join it, once nobody is undoing what it stands for.

    Args:
        context: what the external calls may use; its claims hold the one in question.
        urn: whose row says what is waited for.
        key: of the claim.
        take: the step.
        finish: undoes what the claim stands for, and gives up the claim; doing it twice does no harm.
    """
    first = True
    while True:
        try:
            with nullcontext() if first else anew():
                return take()
        except BeingEnded as busy:
            first = False
            with anew():
                held = context.claims.read(key, "")
            if held is None or not held.claim.ending:
                continue
            left = held.claim.ending + PATIENCE * context.connection.grace_seconds - context.claims.now()
            if left > 0:
                process.say(urn, f"{busy}: waits for it", passing=True)
                try:
                    context.clock.sleep(min(left, context.connection.poll_seconds))
                except process.Interrupted:
                    raise process.Interrupted(str(busy), under_way=False) from None
                continue
            # Marked anew, at the generation that was read: of all who come now, one finishes.
            with suppress(ClaimChanged):
                finish(context.claims.end(msgspec.structs.replace(held, ours=True)))
