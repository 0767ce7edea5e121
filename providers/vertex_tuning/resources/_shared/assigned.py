"""The ids that Google gave an endpoint and a model: it may choose others than those asked for.

The claim of a deployment says which (``resource``, ``model``) and what was asked for instead (``asked``); the
claim of the endpoint says it to later deployments.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ... import names
from ...lifecycle import Context
from ...names import OWNER_LABEL
from ...vertex.claim import STARTING, Claim, HeldClaim
from ...vertex.claims import contended
from ...vertex.client import Endpoint, Operation


class Chosen(NamedTuple):
    """The full name of an endpoint and the id of a model, as Google chose them."""

    endpoint: str
    model_id: str


def asked_for(claim: Claim) -> str:
    """The endpoint that a deployment asked for, whatever its name became."""
    return claim.asked or claim.resource


def registered(held: HeldClaim) -> str:
    """The id under which a deployment's model is registered."""
    return held.claim.model or _asked_id(held)


def endpoint(context: Context, asked: str, owner: str, held: HeldClaim | None = None) -> Endpoint | None:
    """The endpoint that was asked for under this name, wherever it is; ``None`` when it is not there.

    ``held`` is the claim of a deployment that may know.
    """
    claim = held.claim if held is not None else None
    if claim is not None and claim.asked == asked:
        found = context.vertex.serving.endpoint(claim.resource)
        if found is None or is_own(found, asked, owner):
            return found
    found = context.vertex.serving.endpoint(asked)
    if found is not None or (claim is not None and claim.resource == asked):
        return found
    own = context.claims.read(f"{names.ENDPOINTS}{asked}", "")
    other = own.claim.resource if own is not None else ""
    there = context.vertex.serving.endpoint(other) if other else None
    return there if there is not None and is_own(there, asked, owner) else None


def is_own(found: Endpoint, asked: str, owner: str) -> bool:
    """Whether an endpoint is the one that its owner asked for: any name can be written into a claim.

    Until it has labels, its display name is the id that was asked for.
    """
    if OWNER_LABEL in found.labels:
        return found.labels[OWNER_LABEL] == names.label_of(owner)
    return found.display_name == asked.rsplit("/", 1)[1] or names.beside(asked, found.name) == asked


def name_of(asked: str, found: Endpoint | None) -> str:
    """The name of an endpoint that was asked for as ``asked``, with the project as it is written there."""
    return asked if found is None else names.beside(asked, found.name)


def of_operation(operation: Operation | None, held: HeldClaim) -> Chosen | None:
    """What a finished deployment was named, if that is other than what its claim says."""
    if operation is None or not operation.done or operation.error_code or not operation.endpoint:
        return None
    found = Chosen(
        names.beside(held.claim.resource, operation.endpoint),
        names.bare(operation.model) if operation.model else registered(held),
    )
    return None if found == (held.claim.resource, registered(held)) else found


def noted(context: Context, held: HeldClaim, *, wanted: bool = False) -> HeldClaim | None:
    """The claim, once what its deployment was named is written down; ``None`` when there is nothing to write.

    The endpoint's claim learns it too: of the deployment that is ``wanted`` in any case, of others if it says
    nothing yet.

    Raises:
        ClaimChanged: the claim was changed by someone else since it was read.
    """
    found = _of_claim(context, held)
    if found is None:
        return None
    asked = held.claim.resource
    if found.endpoint != asked:
        contended(lambda: _tell_endpoint(context, held.claim.owner, asked, found.endpoint, over=wanted))
    return context.claims.note(
        held,
        resource=found.endpoint,
        asked=asked if found.endpoint != asked else "",
        model=found.model_id if found.model_id != _asked_id(held) else "",
        operation="" if held.claim.operation == STARTING else None,
    )


def _tell_endpoint(context: Context, owner: str, asked: str, name: str, *, over: bool) -> None:
    own = context.claims.read(f"{names.ENDPOINTS}{asked}", "")
    if own is None or own.claim.owner not in ("", owner) or own.claim.resource == name:
        return
    if over or not own.claim.resource:
        context.claims.note(own, resource=name)


def _of_claim(context: Context, held: HeldClaim) -> Chosen | None:
    claim = held.claim
    if not claim.resource or claim.asked or not claim.operation:
        return None
    if claim.operation == STARTING:
        return marked(context, held)
    if "/endpoints/" in claim.operation:
        return None  # on an endpoint that was there, of a model that was registered
    operation = context.vertex.serving.operation(claim.operation)
    failed = operation is not None and operation.error_code
    return marked(context, held) if failed else of_operation(operation, held)


def marked(context: Context, held: HeldClaim) -> Chosen | None:
    """What a deployment was named whose answer was lost, or that failed half-way.

    Until it serves, the endpoint's display name is the id that was asked for, and it has no labels.
    """
    asked = held.claim.resource
    _, project, _, region, _, endpoint_id = asked.split("/")
    for found in context.vertex.serving.endpoints(project, region):
        name = names.beside(asked, found.name)
        if name == asked or found.display_name != endpoint_id or OWNER_LABEL in found.labels:
            continue
        models = [
            names.bare(deployed.model)
            for deployed in found.deployed
            if (model := context.vertex.serving.model(deployed.model)) is not None
            and model.artifacts_uri == held.claim.reads
        ]
        if len(models) == len(found.deployed):
            return Chosen(name, models[0] if models else registered(held))
    return None


def _asked_id(held: HeldClaim) -> str:
    return held.key.rsplit("/", 1)[1]


def claimed_by(context: Context, folder: str, model_id: str, owner: str) -> bool:
    """Whether a claim of this owner, or a released one, is of the model registered under this id."""
    held = context.claims.read(f"{folder}/{model_id}", "")
    if held is not None:
        return held.claim.owner in ("", owner)
    if names.ours(model_id):
        return False
    return any(each.claim.model == model_id for each in context.claims.owned(folder, owner, ""))


def known_name(context: Context, asked: str) -> str:
    """The name that Google chose for an endpoint instead of the one that was asked for; empty for none."""
    own = context.claims.read(f"{names.ENDPOINTS}{asked}", "")
    return own.claim.resource if own is not None and own.claim.resource != asked else ""


def last_id(context: Context, project: str, region: str, endpoint_id: str, among: Collection[str]) -> str:
    """The id of the endpoint that was asked for under ``endpoint_id``, if it is one ``among`` these."""
    if endpoint_id in among:
        return endpoint_id
    own = context.claims.read(f"{names.ENDPOINTS}{names.endpoint(project, region, endpoint_id)}", "")
    return own.claim.resource.rpartition("/")[2] if own is not None else endpoint_id
