"""Find labelled resources of ours that are in none of the given stacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from . import names
from .catalog import GLOBAL
from .lifecycle.orphaned import Found, Known, Orphan
from .pricing import NO_PRICES, Book
from .resources import KINDS
from .vertex.claim import STARTING, Claim, HeldClaim
from .vertex.claims import Claims
from .vertex.client import Endpoint, Job, Vertex, counted_once
from .vertex.errors import NotFound, VertexError

AT_ONCE = 16


def known(exports: Iterable[Mapping[str, Any]]) -> Known:
    """The ids in the output of ``pulumi stack export``, including resources pending deletion."""
    found: dict[str, set[str]] = {name: set() for name in Known.__struct_fields__}
    for resource in _resources(exports):
        kind, outputs = str(resource["type"]).removeprefix(names.TYPES), resource.get("outputs") or {}
        for where, key in KINDS[kind].ids if kind in KINDS else ():
            if outputs.get(key):
                # The service may answer with the project's number, or with a version.
                found[where].add(names.bare(str(outputs[key])))
        found["claims"].add(f"{kind}/{str(resource.get('id', '')).removeprefix('gs://')}")
        for places, key in (("projects", "project"), ("regions", "region"), ("folders", "output_uri")):
            if outputs.get(key):
                found[places].add(str(outputs[key]))
    return Known(**{name: frozenset(values) for name, values in found.items()})


def _resources(exports: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for export in exports:
        for resource in (export.get("deployment") or {}).get("resources") or ():
            if str(resource.get("type", "")).startswith(names.TYPES):
                yield resource


def orphans(
    held: Known,
    jobs: Sequence[Job],
    endpoints: Sequence[Endpoint],
    models: Sequence[str],
    prices: Book = NO_PRICES,
) -> list[Orphan]:
    """Our unmanaged resources among these, most expensive first.

    Args:
        held: what the stacks manage.
        jobs, endpoints: all of a region.
        models: full names of registered models; those that a tuning job registers are Google's.
        prices: what machines cost.
    """
    there = Found(held=held, jobs=jobs, endpoints=endpoints, models=models, prices=prices)
    return _sorted(there)


def _sorted(there: Found) -> list[Orphan]:
    found = [orphan for kind in KINDS.values() for orphan in kind.orphans(there)]
    return sorted(found, key=lambda orphan: (not orphan.bills, orphan.kind, orphan.name))


def forgotten(
    held: Known, claims: Iterable[tuple[str, HeldClaim]], now: float, standing: Collection[str] = ()
) -> list[Orphan]:
    """Claims that are in no stack's state, and those whose deadline has passed.

    A released claim is not one: it keeps weights for the next service that needs them.

    Args:
        held: what the stacks manage.
        claims: each with its object's name.
        now: in seconds since the epoch.
        standing: keys of claims whose resource exists.
    """
    found = []
    for uri, each in claims:
        claim = each.claim
        if claim.owner and (each.key not in held.claims or 0.0 < claim.due <= now):
            found.append(
                Orphan(
                    "claim",
                    uri,
                    claim.owner,
                    "",
                    _about(each, now, lost=each.key not in held.claims, standing=standing),
                )
            )
    return found


def _about(each: HeldClaim, now: float, *, lost: bool, standing: Collection[str]) -> str:
    said, claim = [], each.claim
    if 0.0 < claim.due <= now:
        said.append(f"its deadline passed at {_moment(claim.due)}: `pulumi up` cancels what is not ready")
    if lost and claim.operation == STARTING:
        said.append(f"a paid call was made at {_moment(claim.at)}, and its answer was not recorded")
    elif lost:
        said.append(_stands_for(each.key, claim, standing))
    if claim.waiters:
        said.append(f"{', '.join(waiter.owner for waiter in claim.waiters)} waits for it")
    return "; ".join(said)


def _stands_for(key: str, claim: Claim, standing: Collection[str]) -> str:
    kind, _, name = key.partition("/")
    if claim.resource or key in standing:
        return f"claim of {claim.resource or name}"
    said = KINDS[kind].claim_of(name, claim.owner) if kind in KINDS else ""
    return f"stands for {said}" if said else "claim without a resource"


def _is_there(vertex: Vertex, key: str) -> bool:
    """Whether the resource in a claim's key is there; what cannot be checked counts as not."""
    kind, _, name = key.partition("/")
    try:
        return kind in KINDS and KINDS[kind].is_there(vertex, name)
    except VertexError:
        return False


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def look(vertex: Vertex, project: str, region: str, held: Known, prices: Book = NO_PRICES) -> list[Orphan]:
    """List a location's resources and return ours that are unmanaged; ``global`` has tuning jobs only."""
    everywhere = region == GLOBAL
    there = Found(
        held=held,
        jobs=vertex.jobs.labelled(project, GLOBAL, {})
        if everywhere
        else _regional_jobs(vertex, project, region),
        endpoints=() if everywhere else vertex.serving.endpoints(project, region),
        models=() if everywhere else vertex.serving.models(project, region),
        prices=prices,
        vertex=vertex,
        project=project,
        region=region,
    )
    return _sorted(there)


def _regional_jobs(vertex: Vertex, project: str, region: str) -> list[Job]:
    """A region's jobs without those that Google made for jobs at ``global``."""
    here = vertex.jobs.labelled(project, region, {})
    if not any(names.OWNER_LABEL in job.labels and not job.state.ended for job in here):
        return list(here)
    at_global = vertex.jobs.labelled(project, GLOBAL, {})
    return [job for job in counted_once((*here, *at_global)) if job in here]


def look_at_claims(vertex: Vertex, folder: str, held: Known) -> list[Orphan]:
    """List the claims in an output folder and return those without a resource.

    Raises:
        NotFound: the bucket does not exist.
    """
    if not vertex.storage.bucket_exists(folder):
        raise NotFound(f"{folder}: the bucket does not exist")
    claims = Claims(vertex.storage, folder).lenient()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda key: claims.read(key, ""), claims.keys()))
        found = [each for each in read if each is not None]
        named = [each.key for each in found if each.claim.owner and not each.claim.resource]
        there = {
            key
            for key, stands in zip(named, pool.map(partial(_is_there, vertex), named), strict=True)
            if stands
        }
    return forgotten(held, [(claims.uri(each.key), each) for each in found], claims.now(), there)
