"""What carries our labels in a project and is in none of the given stacks."""

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
    """The ids in what ``pulumi stack export`` prints, of resources to be deleted too."""
    found: dict[str, set[str]] = {name: set() for name in Known.__struct_fields__}
    for resource in _resources(exports):
        kind, outputs = str(resource["type"]).removeprefix(names.TYPES), resource.get("outputs") or {}
        for where, key in KINDS[kind].ids if kind in KINDS else ():
            if outputs.get(key):
                # The service answers with the project's number where we write its id, or with a version.
                found[where].add(str(outputs[key]).rsplit("/", 1)[-1].partition("@")[0])
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
    """What of these is ours and not held, what bills most first.

    Args:
        held: what the stacks hold.
        jobs, endpoints: all of a region.
        models: full names of registered models; those that a tuning job registers itself are Google's.
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

    A claim that was let go of is none: it keeps weights for whoever wants them next.

    Args:
        held: what the stacks hold.
        claims: each with its object's name.
        now: in seconds since the epoch.
        standing: keys of claims whose resource is there.
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
        said.append(f"its deadline passed at {_moment(claim.due)}: `pulumi up` ends what is under way")
    if lost and claim.operation == STARTING:
        said.append(
            f"something that bills was asked for at {_moment(claim.at)}, and the answer never written down"
        )
    elif lost:
        said.append(_stands_for(each.key, claim, standing))
    if claim.waiters:
        said.append(f"{', '.join(waiter.owner for waiter in claim.waiters)} stands in line")
    return "; ".join(said)


def _stands_for(key: str, claim: Claim, standing: Collection[str]) -> str:
    kind, _, name = key.partition("/")
    if claim.resource or key in standing:
        return f"stands for {claim.resource or name}"
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
    """Ask Google, then report what is ours and not held; at ``global`` there are tuning jobs alone."""
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
    """The jobs of a region without those that Google made for jobs at ``global``."""
    here = vertex.jobs.labelled(project, region, {})
    if not any(names.OWNER_LABEL in job.labels and not job.state.ended for job in here):
        return list(here)
    at_global = vertex.jobs.labelled(project, GLOBAL, {})
    return [job for job in counted_once((*here, *at_global)) if job in here]


def look_at_claims(vertex: Vertex, folder: str, held: Known) -> list[Orphan]:
    """Ask Google for the claims below an output folder, then tell which nobody stands for.

    Raises:
        NotFound: there is no such bucket.
    """
    if not vertex.storage.bucket_exists(folder):
        raise NotFound(f"{folder}: there is no such bucket")
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
