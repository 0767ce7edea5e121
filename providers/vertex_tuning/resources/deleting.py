"""Which weights may be deleted with a service, and who still needs them."""

from __future__ import annotations

from ..lifecycle import Phase, Reach
from ..vertex.claim import STARTING, Held
from ..vertex.claims import contended
from . import artifacts
from .submission import TUNINGS

DEPLOYMENTS = "DeployedModel"


def ending(reach: Reach, owner: str, fingerprint: str) -> str:
    """Mark a tuning as being undone, and give the folder of its weights.

    Empty, and nothing marked, if no submission of this owner made any that are there.
    """
    return contended(lambda: _ending(reach, owner, fingerprint))


def _ending(reach: Reach, owner: str, fingerprint: str) -> str:
    held = reach.claims.read(artifacts.job_key(fingerprint), "")
    if held is None or held.claim.owner != owner:
        return ""
    job = reach.vertex.jobs.get(held.claim.resource) if held.claim.resource else None
    if job is None or not artifacts.made_under(job, held.claim):
        return ""
    seen = artifacts.of_job(reach, job)
    if seen.phase is not Phase.READY:
        return ""
    reach.claims.end(held)
    return str(seen.live["artifacts_uri"])


def in_use(reach: Reach, fingerprint: str, uri: str, owner: str) -> list[str]:
    """Who still needs these weights: a reader of the tuning, a deployment, a tuning that goes on from them.

    Seen is what has its claims below the same output folder, and readers wherever they are.
    """
    held = reach.claims.read(artifacts.job_key(fingerprint), "")
    readers = [heir.owner for heir in held.claim.heirs] if held is not None else []
    serving = [
        f"a deployment of {other.claim.owner or 'an earlier service'}"
        for other in reach.claims.below(DEPLOYMENTS)
        if _reads(other, uri) and other.claim.owner != owner
    ]
    tuning = [
        f"a tuning of {other.claim.owner}"
        for other in reach.claims.below(TUNINGS)
        if _reads(other, uri) and _goes_on(reach, other)
    ]
    adopting = [
        f"{other.claim.owner}, which adopted it"
        for other in reach.claims.below(TUNINGS)
        if other.key != artifacts.job_key(fingerprint) and other.claim.weights == uri and other.claim.owner
    ]
    return sorted({*readers, *serving, *tuning, *adopting})


def kept(what: str, users: list[str]) -> str:
    """One line that says why weights are not deleted."""
    return f"delete_artifacts: the weights of {what} are kept, because they are used by {', '.join(users)}"


def _reads(held: Held, uri: str) -> bool:
    read = f"{held.claim.reads}/"
    return bool(held.claim.reads) and (read.startswith(f"{uri}/") or f"{uri}/".startswith(read))


def _goes_on(reach: Reach, held: Held) -> bool:
    if not held.claim.resource:
        return held.claim.operation == STARTING or bool(held.claim.failed)
    job = reach.vertex.jobs.get(held.claim.resource)
    return job is not None and not job.state.ended
