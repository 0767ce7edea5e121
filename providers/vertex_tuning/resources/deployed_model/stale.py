"""A service's stale deployments: released, or started by an interrupted run."""

from __future__ import annotations

from typing import NamedTuple

from ... import names
from ...lifecycle import Context, Phase
from ...vertex.claim import HeldClaim
from ...vertex.memo import anew
from .._shared import assigned, folders
from .._shared.ownership import Owner
from ..endpoint.undeploy import clear, found_on, take_off, unregister
from .deploy import under_way


class Wanted(NamedTuple):
    """The one deployment that a service is to have."""

    project: str
    region: str
    endpoint: str
    model_id: str
    owner: str
    asked: str = ""
    """The endpoint's name as it was asked for, if it is another."""


class StaleDeployment(NamedTuple):
    """Another deployment of the service: where it is or was to be, its model's registered id, and its claim.

    ``context`` has the claims of the output folder in which that claim is.
    """

    context: Context
    endpoint: str
    model_id: str
    held: HeldClaim


def stale_deployments(context: Context, wanted: Wanted) -> list[StaleDeployment]:
    """What claims know of: a deployment that no list shows yet bills as soon as it has started.

    Only the claims of this service's name are read, so that many services cost one list a folder and no more.
    """
    each_folder = folders.of_service(context, wanted.owner)
    return [left for there in each_folder for left in _below(there, wanted)]


def _below(context: Context, wanted: Wanted) -> list[StaleDeployment]:
    folder, family = names.claims_of_models(wanted.project, wanted.region), wanted.model_id.rpartition("-")[0]
    found = []
    for key in context.claims.keys(folder):
        model_id = key.rsplit("/", 1)[1]
        if model_id == wanted.model_id or model_id.rpartition("-")[0] != family:
            continue
        held = context.claims.read(key, "")
        places = (
            wanted.endpoint,
            wanted.asked,
            names.endpoint(wanted.project, wanted.region, names.probe(model_id)),
        )
        if held is None or held.claim.owner not in ("", wanted.owner):
            continue
        at = {held.claim.resource, assigned.asked_for(held.claim)}
        if at.intersection(places) - {""} or (held.claim.owner and not held.claim.resource):
            place = held.claim.resource or wanted.endpoint
            found.append(StaleDeployment(context, place, assigned.registered(held), held))
    return found


def idle(context: Context, wanted: Wanted) -> list[StaleDeployment]:
    """What bills and answers nobody, once an edit goes back to a deployment that was begun before.

    Its resource may look settled then, so that nothing else would notice.
    """
    held = _begun(context, wanted)
    if held is None:
        return []
    endpoint = assigned.endpoint(context, wanted.endpoint, wanted.owner, held)
    wanted = wanted._replace(endpoint=assigned.name_of(wanted.endpoint, endpoint), asked=wanted.endpoint)
    shares = endpoint.traffic if endpoint is not None else {}
    return [
        left
        for left in stale_deployments(context, wanted)
        if not any(shares.get(deployed.id) for deployed in found_on(endpoint, left.model_id))
    ]


def _begun(context: Context, wanted: Wanted) -> HeldClaim | None:
    """The claim of the wanted deployment, if it was begun."""
    folder = names.claims_of_models(wanted.project, wanted.region)
    held = context.claims.read(f"{folder}/{wanted.model_id}", "")
    if held is None or held.claim.owner != wanted.owner:
        return None
    return held if assigned.asked_for(held.claim) == wanted.endpoint else None


def starts(left: StaleDeployment) -> bool:
    """Whether it is under way and does not show yet: before that it cannot be taken off."""
    if found_on(left.context.vertex.serving.endpoint(left.endpoint), left.model_id):
        return False
    seen = under_way(left.context, left.endpoint, left.held)
    return seen is not None and seen.phase is Phase.PENDING


def observed(left: list[StaleDeployment]) -> Phase:
    """What is to be done about them: nothing, a step, or waiting for their start."""
    if any(not starts(each) for each in left):
        return Phase.PARTIAL
    return Phase.PENDING if left else Phase.READY


def take_off_shown(left: list[StaleDeployment], wanted: Wanted) -> None:
    """Take off those that do not start any more."""
    for each in left:
        with anew():
            if not starts(each):
                _end(each, wanted)


def _end(left: StaleDeployment, wanted: Wanted) -> None:
    """Take it off its machines, with its registration and its claim."""
    context, named = left.context, assigned.noted(left.context, left.held)
    if named is not None:
        left = StaleDeployment(context, named.claim.resource, assigned.registered(named), named)
    declared = tuple(name.rsplit("/", 1)[1] for name in (wanted.endpoint, wanted.asked) if name)
    owner, served = Owner(wanted.owner, left.held.claim.reads, declared), frozenset[str]()
    if left.endpoint != wanted.endpoint:
        served = clear(context, owner, left.endpoint)
    mine = found_on(context.vertex.serving.endpoint(wanted.endpoint), left.model_id)
    take_off(context, owner, wanted.endpoint, [deployed.id for deployed in mine])
    if not names.ours(left.model_id):
        # Any id and any weights can be written into a claim.
        owner = owner._replace(weights="")
    id_ = left.model_id
    unregister(context, owner, wanted.project, wanted.region, id_, served=id_ in served)
    context.claims.delete(left.held)
