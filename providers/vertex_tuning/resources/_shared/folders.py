"""The output folders that a service has used: the claim of the service in each of them names the others."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ... import names
from ...lifecycle import Context
from ...vertex.claims import contended


def elsewhere(context: Context, output_uri: str) -> Context:
    """The same, with the claims below another output folder."""
    return msgspec.structs.replace(context, claims=context.claims.elsewhere(output_uri))


def of_service(context: Context, owner: str) -> list[Context]:
    """The same, with the claims of each folder of the service; its present one comes first.

    Another folder counts if the service's own claim is in it: a name in a claim alone may be anybody's.
    """
    found: dict[str, Context] = {}
    ahead = [context]
    for there in ahead:
        if there.claims.output_uri in found:
            continue
        held = there.claims.read(names.claim_of_service(owner), "")
        own = held is not None and held.claim.owner == owner
        if own or there is context:
            found[there.claims.output_uri] = there
        if own and held is not None:
            ahead += [elsewhere(context, folder) for folder in held.claim.folders]
    return list(found.values())


def forget_left(context: Context, owner: str) -> None:
    """Forget the folders that hold nothing of the service any more: they may not be readable for good."""
    present, *others = of_service(context, owner)
    used = [there for there in others if _holds(there, owner)]
    left = [there for there in others if there not in used]
    if not left:
        return
    for there in left:
        held = there.claims.read(names.claim_of_service(owner), "")
        if held is not None:
            there.claims.delete(held)
    uris = [there.claims.output_uri for there in (present, *used)]
    for there in (present, *used):
        held = there.claims.read(names.claim_of_service(owner), "")
        if held is not None:
            there.claims.link(held, tuple(uri for uri in uris if uri != there.claims.output_uri))


def _holds(context: Context, owner: str) -> bool:
    """Whether a claim is the service's, or of a released deployment that may cost money."""
    own = names.claim_of_service(owner)
    return any(
        held.claim.owner == owner or (not held.claim.owner and held.key.startswith(names.DEPLOYED_MODELS))
        for held in context.claims.below("")
        if held.key != own
    )


def link(context: Context, owner: str, token: str, folders: Iterable[str]) -> None:
    """Let the claim of the service in this folder name others; where there is none it is made."""
    key = names.claim_of_service(owner)

    def attempt() -> None:
        held = context.claims.read(key, "") or context.claims.take(key, owner, token)
        others = tuple(sorted({*held.claim.folders, *folders} - {context.claims.output_uri}))
        if others != held.claim.folders:
            context.claims.link(held, others)

    contended(attempt)
