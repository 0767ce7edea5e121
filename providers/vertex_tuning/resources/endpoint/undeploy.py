"""Taking models off endpoints, and knowing whose they were."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ... import names
from ...lifecycle import Context
from ...vertex.claim import STARTING, HeldClaim
from ...vertex.client import Deployed, Endpoint
from .._shared import assigned, folders, ownership
from .._shared.operations import ended, gone
from .._shared.ownership import Owner


def found_on(endpoint: Endpoint | None, model_id: str) -> tuple[Deployed, ...]:
    """Every deployment of a model, those with most traffic first; more than one is one too many."""
    if endpoint is None:
        return ()
    found = [deployed for deployed in endpoint.deployed if names.bare(deployed.model) == model_id]
    return tuple(sorted(found, key=lambda deployed: -endpoint.traffic.get(deployed.id, 0)))


def not_to_share(context: Context, name: str, endpoint: Endpoint | None, owner: str) -> str:
    """Why this owner cannot serve on an adopted endpoint: it is not there, or others answer on it."""
    if endpoint is None:
        return f"adopt_endpoint: {name} is not there"
    others = [
        deployed.id
        for deployed in endpoint.deployed
        if endpoint.traffic.get(deployed.id, 0) and not _deployed_by(context, name, deployed, owner)
    ]
    if not others:
        return ""
    return (
        f"adopt_endpoint: on {name} others' deployed models have traffic ({', '.join(others)}), and it is "
        "not taken from them; end their traffic, or adopt an endpoint on which nobody else answers"
    )


def _deployed_by(context: Context, name: str, deployed: Deployed, owner: str) -> bool:
    _, project, _, region, *_ = name.split("/")
    folder, id_ = names.claims_of_models(project, region), names.bare(deployed.model)
    return any(assigned.claimed_by(there, folder, id_, owner) for there in folders.of_service(context, owner))


def take_off(context: Context, owner: Owner, name: str, ids: Collection[str]) -> None:
    """Take the owner's deployments off an endpoint; the others share their traffic."""
    endpoint = context.vertex.serving.endpoint(name)
    if endpoint is None or not ids:
        return
    if not ownership.has_endpoint(context, owner, endpoint):
        ids = _own(context, owner, endpoint, ids)
    rest = whole({id_: share for id_, share in endpoint.traffic.items() if id_ not in ids and share})
    if not rest and len(endpoint.deployed) > 1 and endpoint.traffic:
        # A model with traffic is let off only if another takes it or none is left: end the traffic first.
        context.vertex.serving.patch_endpoint(name, traffic={})
    for id_ in ids:
        gone(context, context.vertex.serving.undeploy(name, id_, rest))


def _own(context: Context, owner: Owner, endpoint: Endpoint, ids: Collection[str]) -> list[str]:
    """Those of an endpoint of others that deploy the owner's models; the rest is reported."""
    models = {deployed.id: deployed.model for deployed in endpoint.deployed if deployed.id in ids}
    own = [id_ for id_, model in models.items() if ownership.has_model(context, owner, model)]
    for id_ in sorted(models.keys() - set(own)):
        ownership.skipped(f"{endpoint.name}, deployed model {id_}")
    return own


def clear(context: Context, owner: Owner, name: str) -> frozenset[str]:
    """Take everything off an endpoint of the owner's, then delete it; ids of the models that were on it."""
    endpoint = context.vertex.serving.endpoint(name)
    if endpoint is None:
        return frozenset()
    if not ownership.has_endpoint(context, owner, endpoint):
        ownership.skipped(name)
        return frozenset()
    take_off(context, owner, name, [deployed.id for deployed in endpoint.deployed])
    gone(context, context.vertex.serving.delete_endpoint(name))
    return frozenset(names.bare(deployed.model) for deployed in endpoint.deployed)


def unregister(
    context: Context, owner: Owner, project: str, region: str, model_id: str, *, served: bool = False
) -> None:
    """Delete a registered model of the owner's; its weights stay. ``served``: it was on their endpoint."""
    model = names.model(project, region, model_id)
    if served or ownership.has_model(context, owner, model):
        gone(context, context.vertex.serving.delete_model(model))
    elif context.vertex.serving.model(model) is not None:
        ownership.skipped(model)


def await_start(context: Context, endpoint: str, held: HeldClaim) -> HeldClaim:
    """Wait until a deployment that is under way shows, however it ends: before that it cannot be undone.

    Returns:
        Its claim, which says by then what Google named it.
    """
    if held.claim.operation != STARTING:
        ended(context, held.claim.operation or None)
        return assigned.noted(context, held) or held
    while (left := context.connection.grace_seconds - context.claims.age(held)) > 0:
        if found_on(context.vertex.serving.endpoint(endpoint), assigned.registered(held)):
            return held
        context.clock.sleep(min(left, context.connection.poll_seconds))
    for operation in context.vertex.serving.under_way(endpoint):
        ended(context, operation)
    return assigned.noted(context, held) or held


def whole(rest: Mapping[str, int], total: int = 100) -> dict[str, int]:
    """Traffic made to add up to ``total`` in the same proportions; nothing when there is none."""
    before = sum(rest.values())
    if not before or before == total:
        return dict(rest)
    shares = {id_: share * total // before for id_, share in rest.items()}
    first = next(iter(shares))
    return {**shares, first: shares[first] + total - sum(shares.values())}
