"""What carries our labels in a project and is in none of the given stacks."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from . import cost, names
from .catalog import GLOBAL
from .pricing import NO_PRICES, Book, Money
from .pricing.money import span
from .resources.deployed_model.costs import machines
from .vertex.claim import STARTING, Claim, HeldClaim
from .vertex.claims import Claims
from .vertex.client import Deployed, Endpoint, Job, Vertex, counted_once
from .vertex.errors import NotFound, VertexError

AT_ONCE = 16


class Kind(enum.StrEnum):
    """What can be left behind."""

    ENDPOINT = "endpoint"
    DEPLOYED_MODEL = "deployed model"
    MODEL = "model"
    TUNING_JOB = "tuning job"
    CLAIM = "claim"


class Orphan(msgspec.Struct, frozen=True):
    """Something of ours that no given stack holds, or whose deadline has passed.

    Its full name (of a claim: its object), whose it is, what it bills, and what is to be known of it;
    ``hourly`` is what it costs an hour at the fewest replicas, ``hourly_most`` at the most.
    """

    kind: Kind
    name: str
    owner: str
    bills: str
    about: str = ""
    hourly: Money = Money()
    hourly_most: Money = Money()


class Known(msgspec.Struct, frozen=True):
    """What the given stacks hold: ids, keys of claims; and the places where they are."""

    jobs: frozenset[str]
    endpoints: frozenset[str]
    models: frozenset[str]
    claims: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()


def known(exports: Iterable[Mapping[str, Any]]) -> Known:
    """The ids in what ``pulumi stack export`` prints, of resources to be deleted too."""
    found: dict[str, set[str]] = {name: set() for name in Known.__struct_fields__}
    ids = (
        ("TuningJob", "jobs", "job"),
        ("TunedModel", "jobs", "job"),
        ("Endpoint", "endpoints", "endpoint_id"),
        ("Endpoint", "endpoints", "endpoint"),
        ("DeployedModel", "endpoints", "endpoint"),
        ("DeployedModel", "models", "model_id"),
        ("DeployedModel", "models", "model"),
    )
    for resource in _resources(exports):
        kind, outputs = str(resource["type"]).removeprefix(names.TYPES), resource.get("outputs") or {}
        for of_kind, where, key in ids:
            if kind == of_kind and outputs.get(key):
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
    found: list[Orphan] = []
    for endpoint in endpoints:
        owner = endpoint.labels.get(names.OWNER_LABEL, "")
        ours = bool(owner) or names.ours(endpoint.name)
        found += [
            _deployed(endpoint.name, d, owner, prices)
            for d in endpoint.deployed
            if (ours or names.ours(d.model)) and names.bare(d.model) not in held.models
        ]
        if ours and endpoint.name.rsplit("/", 1)[-1] not in held.endpoints:
            found.append(Orphan(Kind.ENDPOINT, endpoint.name, owner, ""))
    found += [
        Orphan(Kind.TUNING_JOB, job.name, job.labels[names.OWNER_LABEL], _tuning(job, prices))
        for job in jobs
        if names.OWNER_LABEL in job.labels
        and not job.state.ended
        and job.name.rsplit("/", 1)[-1] not in held.jobs
    ]
    found += [
        Orphan(Kind.MODEL, name, "", "")
        for name in models
        if names.ours(name) and names.bare(name) not in held.models
    ]
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
                    Kind.CLAIM,
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
    if kind == "Readiness":
        return f"stands for the service {claim.owner}"
    if kind == "TunedModel":
        return f"stands for the tuned model {name}"
    return "claim without a resource"


def _is_there(vertex: Vertex, key: str) -> bool:
    """Whether the endpoint or model in a claim's key is there; what cannot be checked counts as not."""
    kind, _, name = key.partition("/")
    look = {"Endpoint": vertex.serving.endpoint, "DeployedModel": vertex.serving.model}.get(kind)
    try:
        return look is not None and look(name) is not None
    except VertexError:
        return False


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _deployed(endpoint: str, deployed: Deployed, owner: str, prices: Book) -> Orphan:
    """A model on machines, with what they cost where they are."""
    hourly = machines(prices, {**msgspec.to_builtins(deployed), "region": endpoint.split("/")[3]})
    bills = cost.serving(
        deployed.machine_type,
        deployed.accelerator_type,
        deployed.accelerator_count,
        deployed.min_replicas,
        deployed.max_replicas,
        "" if hourly[1].unknown else span(hourly, prices.currency, " an hour"),
    )
    return Orphan(Kind.DEPLOYED_MODEL, f"{endpoint} {deployed.id}", owner, bills, "", *hourly)


def _tuning(job: Job, prices: Book) -> str:
    """A job's record does not say how many tokens it trains on: what a million costs is all that is known."""
    row = prices.training_row(job.base_model, job.mode.value) if job.mode is not None else None
    told = row.money().told(prices.currency, " for a million tokens") if row is not None else "price unknown"
    plural = "s" if job.epochs != 1 else ""
    return f"is being paid for: {job.epochs} epoch{plural} of {job.base_model} on unknown data; {told}"


def look(vertex: Vertex, project: str, region: str, held: Known, prices: Book = NO_PRICES) -> list[Orphan]:
    """Ask Google, then report what is ours and not held; at ``global`` there are tuning jobs alone."""
    if region == GLOBAL:
        return orphans(held, vertex.jobs.labelled(project, GLOBAL, {}), (), (), prices)
    endpoints = vertex.serving.endpoints(project, region)
    serving = held.models | standing_in(vertex, project, region, held, endpoints)
    return orphans(
        msgspec.structs.replace(held, models=serving),
        _regional_jobs(vertex, project, region),
        endpoints,
        vertex.serving.models(project, region),
        prices,
    )


def _regional_jobs(vertex: Vertex, project: str, region: str) -> list[Job]:
    """The jobs of a region without those that Google made for jobs at ``global``."""
    here = vertex.jobs.labelled(project, region, {})
    if not any(names.OWNER_LABEL in job.labels and not job.state.ended for job in here):
        return list(here)
    at_global = vertex.jobs.labelled(project, GLOBAL, {})
    return [job for job in counted_once((*here, *at_global)) if job in here]


def standing_in(
    vertex: Vertex, project: str, region: str, held: Known, endpoints: Iterable[Endpoint]
) -> frozenset[str]:
    """Ids of models that were let go of and answer callers until their successor does.

    They are in no state, and nobody is to take them down: the successor does, on the same endpoint.
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
    """The output folders of the states, and those that their services have left and still remember."""
    found = sorted(held.folders)
    services = [key for key in held.claims if key.startswith(names.SERVICES)]
    for uri in found:
        read = (Claims(vertex.storage, uri).read(key, "") for key in services)
        linked = {folder for each in read if each is not None for folder in each.claim.folders}
        found += sorted(linked - set(found))
    return found


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
