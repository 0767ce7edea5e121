"""Jobs that follow a failed one, as the retry policy says: under one claim, one at a time, each announced.

The claim remembers the failed ones before the next is submitted, and each carries a label of its own: so
a run that was killed in between finds what it submitted, and never submits more than the policy allows.
"""

from __future__ import annotations

import msgspec

from ...lifecycle import Context, Observation, Phase, process
from ...specs import Retry
from ...vertex.claim import STARTING, HeldClaim
from .._tuning import artifacts
from .._tuning.inputs import TuningJobInputs
from ..tuning_job.external import TuningJobExternal

JOBS = TuningJobExternal()


def look(
    context: Context, fingerprint: str, owner: str, again: TuningJobInputs | None, retry: Retry | None
) -> Observation | None:
    """What is to be done about a failed job; ``None`` if nothing is, or nothing by this owner."""
    held = _held(context, fingerprint, owner)
    if held is None:
        return None
    if held.claim.resource:
        job = context.vertex.jobs.get(held.claim.resource)
        why = artifacts.runs_again(context, job, held.claim, retry) if job is not None else ""
        return Observation(Phase.PARTIAL, {"job": held.claim.resource}, why) if why else None
    if not held.claim.failed:
        return None
    before = {"job": held.claim.failed[-1]}
    if again is None:
        last = context.vertex.jobs.get(held.claim.failed[-1])
        return artifacts.of_job(context, last) if last is not None else artifacts.of_gone(context, held.claim)
    if held.claim.operation != STARTING:
        return Observation(Phase.ABSENT, before, f"another job follows {held.claim.failed[-1]}")
    seen = JOBS.observe(context, again, held)
    return Observation(seen.phase, before, seen.reason)


def submit(context: Context, again: TuningJobInputs, why: str, urn: str) -> None:
    """Submit the next job, or find it; its cost stays in the row."""
    held = _held(context, again.fingerprint, again.owner)
    if held is None:
        return
    if held.claim.resource:
        price = f"about {again.price}" if again.price else "price unknown"
        process.say(urn, f"{why}, which is paid for again; {price}", warning=True)
        held = context.claims.note_failed(held)
    JOBS.submit(context, again, held)


def _held(context: Context, fingerprint: str, owner: str) -> HeldClaim | None:
    """The job's claim, if this owner may act on it; whoever shares the job waits for its owner."""
    held = context.claims.read(artifacts.job_key(fingerprint), "")
    if held is None or held.claim.owner != owner:
        return None
    return msgspec.structs.replace(held, ours=True)
