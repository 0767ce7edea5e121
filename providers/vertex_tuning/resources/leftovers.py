"""A service's other deployments: let go of, or begun by a run that was cut off and never written down."""

from __future__ import annotations

from typing import NamedTuple

from .. import names
from ..lifecycle import Phase, Reach
from ..vertex.claim import Held
from . import folders
from .deploying import under_way
from .undeploying import clear, found_on, take_off, unregister


class Wanted(NamedTuple):
    """The one deployment that a service is to have."""

    project: str
    region: str
    endpoint: str
    model_id: str
    owner: str


class Leftover(NamedTuple):
    """Another deployment of the service: where it is or was to be, of which model, and its claim.

    ``reach`` has the claims of the output folder in which that claim is.
    """

    reach: Reach
    endpoint: str
    model_id: str
    held: Held


def leftovers(reach: Reach, wanted: Wanted) -> list[Leftover]:
    """What claims know of: a deployment that no list shows yet bills as soon as it has started.

    Only the claims of this service's name are read, so that many services cost one list a folder and no more.
    """
    each_folder = folders.of_service(reach, wanted.owner)
    return [left for there in each_folder for left in _below(there, wanted)]


def _below(reach: Reach, wanted: Wanted) -> list[Leftover]:
    folder, family = names.claims_of_models(wanted.project, wanted.region), wanted.model_id.rpartition("-")[0]
    found = []
    for key in reach.claims.keys(folder):
        model_id = key.rsplit("/", 1)[1]
        if model_id == wanted.model_id or model_id.rpartition("-")[0] != family:
            continue
        held = reach.claims.read(key, "")
        places = (wanted.endpoint, names.endpoint(wanted.project, wanted.region, names.probe(model_id)))
        if held is None or held.claim.owner not in ("", wanted.owner):
            continue
        if held.claim.resource in places or (held.claim.owner and not held.claim.resource):
            found.append(Leftover(reach, held.claim.resource or wanted.endpoint, model_id, held))
    return found


def idle(reach: Reach, wanted: Wanted) -> list[Leftover]:
    """What bills and answers nobody, once an edit goes back to a deployment that was begun before.

    Its resource may look settled then, so that nothing else would notice.
    """
    if not _begun(reach, wanted):
        return []
    endpoint = reach.vertex.serving.endpoint(wanted.endpoint)
    shares = endpoint.traffic if endpoint is not None else {}
    return [
        left
        for left in leftovers(reach, wanted)
        if not any(shares.get(deployed.id) for deployed in found_on(endpoint, left.model_id))
    ]


def _begun(reach: Reach, wanted: Wanted) -> bool:
    folder = names.claims_of_models(wanted.project, wanted.region)
    held = reach.claims.read(f"{folder}/{wanted.model_id}", "")
    return held is not None and (held.claim.owner, held.claim.resource) == (wanted.owner, wanted.endpoint)


def starts(left: Leftover) -> bool:
    """Whether it is under way and does not show yet: before that it cannot be taken off."""
    if found_on(left.reach.vertex.serving.endpoint(left.endpoint), left.model_id):
        return False
    seen = under_way(left.reach, left.endpoint, left.held)
    return seen is not None and seen.phase is Phase.PENDING


def observed(left: list[Leftover]) -> Phase:
    """What is to be done about them: nothing, a step, or waiting for their start."""
    if any(not starts(each) for each in left):
        return Phase.PARTIAL
    return Phase.PENDING if left else Phase.READY


def take_off_shown(left: list[Leftover], wanted: Wanted) -> None:
    """Take off those that do not start any more."""
    for each in left:
        if not starts(each):
            _end(each, wanted)


def _end(left: Leftover, wanted: Wanted) -> None:
    """Take it off its machines, with its registration and its claim."""
    reach = left.reach
    if left.endpoint != wanted.endpoint:
        clear(reach, left.endpoint)
    mine = found_on(reach.vertex.serving.endpoint(wanted.endpoint), left.model_id)
    take_off(reach, wanted.endpoint, [deployed.id for deployed in mine])
    unregister(reach, wanted.project, wanted.region, left.model_id)
    reach.claims.forget(left.held)
