"""Deployments and registered models that are in no stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ... import cost, names
from ...lifecycle.orphaned import Found, Known, Orphan
from ...pricing import Book
from ...pricing.money import span
from ...vertex.claims import Claims
from ...vertex.client import Deployed, Endpoint, Vertex
from .costs import of_deployed


def orphans(found: Found) -> Iterator[Orphan]:
    """Our models, deployed and registered; those that a tuning job registers by itself are Google's."""
    held = found.held.models
    if found.vertex is not None:
        held |= standing_in(found.vertex, found.project, found.region, found.held, found.endpoints)
    for endpoint in found.endpoints:
        owner = endpoint.labels.get(names.OWNER_LABEL, "")
        ours = bool(owner) or names.ours(endpoint.name)
        for each in endpoint.deployed:
            if (ours or names.ours(each.model)) and names.bare(each.model) not in held:
                yield _deployed(endpoint.name, each, owner, found.prices)
    for name in found.models:
        if names.ours(name) and names.bare(name) not in held:
            yield Orphan("model", name, "", "")


def _deployed(endpoint: str, deployed: Deployed, owner: str, prices: Book) -> Orphan:
    """A deployed model with its machines' cost."""
    hourly = of_deployed(prices, endpoint, deployed)
    bills = cost.serving(
        deployed.machine_type,
        deployed.accelerator_type,
        deployed.accelerator_count,
        deployed.min_replicas,
        deployed.max_replicas,
        "" if hourly[1].unknown else span(hourly, prices.currency, " an hour"),
    )
    return Orphan("deployed model", f"{endpoint} {deployed.id}", owner, bills, "", *hourly)


def standing_in(
    vertex: Vertex, project: str, region: str, held: Known, endpoints: Iterable[Endpoint]
) -> frozenset[str]:
    """Ids of released models that serve until their successor does.

    They are in no state; the successor undeploys them.
    """
    folder = names.claims_of_models(project, region)
    answering = {
        names.bare(deployed.model)
        for endpoint in endpoints
        if endpoint.name.rsplit("/", 1)[-1] in held.endpoints
        for deployed in endpoint.deployed
        if endpoint.traffic.get(deployed.id)
    }
    unheld = answering - held.models
    left = [
        each.claim.model or each.key.rsplit("/", 1)[-1]
        for uri in (_folders(vertex, held) if unheld else ())
        for each in Claims(vertex.storage, uri).below(folder)
        if not each.claim.owner
    ]
    return frozenset(unheld.intersection(left))


def _folders(vertex: Vertex, held: Known) -> list[str]:
    """The output folders of the states, and former ones that their claims name."""
    found = sorted(held.folders)
    services = [key for key in held.claims if key.startswith(names.SERVICES)]
    for uri in found:
        read = (Claims(vertex.storage, uri).read(key, "") for key in services)
        linked = {folder for each in read if each is not None for folder in each.claim.folders}
        found += sorted(linked - set(found))
    return found
