"""Where a tuned model's weights are, and whether they are there: stated once for all who need them."""

from __future__ import annotations

from ..catalog import FINAL
from ..lifecycle import Observation, Phase, Reach
from ..specs import Retry
from ..vertex.claim import Claim
from ..vertex.client import Job, JobState
from ..vertex.errors import NotFound
from . import progress

CLAIM_LABEL = "vertex-tuning-claim"
"""Carries the claim's id: so a job is found by the claim that it was made under, and by no other."""


def job_key(fingerprint: str) -> str:
    """The key of the claim that names the tuning job of this fingerprint."""
    return f"TuningJob/{fingerprint}"


def made_under(job: Job, claim: Claim) -> bool:
    """Whether this claim's submission made the job; otherwise it was adopted."""
    return job.labels.get(CLAIM_LABEL, "").partition("-")[0] == claim.id


def look(
    reach: Reach, *, fingerprint: str | None, weights_uri: str | None, retry: Retry | None = None
) -> Observation:
    """Whether the weights are ready; ``live`` then holds ``artifacts_uri`` and ``job``.

    Exactly one is set: ``fingerprint`` of the tuning job that makes them, or ``weights_uri`` of given ones.
    A failed job that ``retry`` covers counts as pending: another one is to follow it.
    """
    if fingerprint is None:
        return _weights(reach, weights_uri or "", None)
    held = reach.claims.read(job_key(fingerprint), "")
    if held is not None and held.claim.failed and not held.claim.resource:
        return Observation(Phase.PENDING, {}, f"the tuning is submitted again after {held.claim.failed[-1]}")
    if held is None or not held.claim.resource:
        return Observation(Phase.BLOCKED, reason="no tuning job has been submitted yet")
    job = reach.vertex.jobs.get(held.claim.resource)
    if job is None:
        return of_gone(reach, held.claim)
    again = runs_again(job, held.claim, retry)
    return Observation(Phase.PENDING, {"job": job.name}, again) if again else of_job(reach, job)


def runs_again(job: Job, claim: Claim, retry: Retry | None) -> str:
    """Why, in one line, another job follows this one; empty if none does."""
    attempt = len(claim.failed) + 2
    if retry is None or job.failure not in retry.on or attempt > retry.attempts:
        return ""
    if job.state is not JobState.FAILED or not made_under(job, claim):
        return ""
    count = f"job {attempt} of at most {retry.attempts}"
    return f"tuning job {job.name} failed ({job.failure}: {job.reason}) and is followed by {count}"


def of_gone(reach: Reach, claim: Claim) -> Observation:
    """What a job that Vertex AI no longer knows means: its weights may be there without it."""
    live = {"job": claim.resource}
    seen = _weights(reach, claim.weights, None) if claim.weights else None
    if seen is not None and seen.phase is Phase.READY:
        return Observation(Phase.READY, {**seen.live, **live})
    gone = f"tuning job {claim.resource} is gone, and so are its weights"
    return Observation(Phase.LOST, live, f"{gone}; to tune again, which costs money, set attempt one higher")


def weights_of(job: Job) -> str:
    """Where a job leaves its weights."""
    return f"{job.output_uri}/{FINAL}"


def of_job(reach: Reach, job: Job) -> Observation:
    """What a job's state means for its weights."""
    live = {"job": job.name}
    match job.state:
        case JobState.WAITING | JobState.RUNNING:
            return Observation(Phase.PENDING, live, progress.of_job(reach, job))
        case JobState.FAILED | JobState.CANCELLED:
            why = f": {job.reason.rstrip('.')}" if job.reason else ""
            return Observation(
                Phase.FAILED,
                live,
                f"tuning job {job.name} was {job.state.value}{why}. It is not run again by itself; "
                "mend the cause and set attempt one higher",
            )
        case JobState.SUCCEEDED:
            return _weights(reach, weights_of(job), job)


def missing(reach: Reach, weights_uri: str) -> str:
    """Why given weights cannot be used, in one line; empty when they are there."""
    try:
        return _weights(reach, weights_uri, None).reason or ""
    except NotFound as error:
        return f"no weights at {weights_uri}: {error}"


def _weights(reach: Reach, uri: str, job: Job | None) -> Observation:
    names = {blob.uri.rsplit("/", 1)[1] for blob in reach.vertex.storage.listed(uri)}
    live = {"artifacts_uri": uri, **({"job": job.name, "ended": job.ended} if job else {})}
    if "config.json" in names and any(name.endswith(".safetensors") for name in names):
        return Observation(Phase.READY, live)
    return Observation(Phase.LOST, live, f"no weights at {uri} (config.json and *.safetensors)")
