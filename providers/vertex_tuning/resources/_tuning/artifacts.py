"""Where a tuned model's weights are, and whether they are there: stated once for all who need them."""

from __future__ import annotations

from collections.abc import Iterable

from ... import checkpoints
from ...lifecycle import Context, Observation, Phase
from ...specs import Retry
from ...vertex.claim import Claim
from ...vertex.client import Job, JobState
from ...vertex.errors import NotFound
from . import progress

_ENDED = {JobState.FAILED: "failed", JobState.CANCELLED: "was cancelled"}
_DROPPED = (
    "tuning job {} dropped examples: {:,}, most likely because they have more tokens than the model takes. "
    "Shorten them to have them learned"
)
CLAIM_LABEL = "vertex-tuning-claim"
"""Carries the claim's id: so a job is found by the claim that it was made under, and by no other."""


def job_key(fingerprint: str) -> str:
    """The key of the claim that names the tuning job of this fingerprint."""
    return f"TuningJob/{fingerprint}"


def made_under(job: Job, claim: Claim) -> bool:
    """Whether this claim's submission made the job; otherwise it was adopted."""
    return job.labels.get(CLAIM_LABEL, "").partition("-")[0] == claim.id


def look(
    context: Context,
    *,
    fingerprint: str | None,
    weights_uri: str | None,
    retry: Retry | None = None,
    checkpoint: int | None = None,
) -> Observation:
    """Whether the weights are ready; ``live`` then holds ``artifacts_uri`` and ``job``.

    Exactly one is set: ``fingerprint`` of the tuning job that makes them, or ``weights_uri`` of given ones.
    A failed job that ``retry`` covers counts as pending: another one is to follow it. ``checkpoint`` asks
    for an intermediate checkpoint of the job by its number.
    """
    if fingerprint is None:
        return _weights(context, weights_uri or "", None)
    held = context.claims.read(job_key(fingerprint), "")
    if held is not None and held.claim.failed and not held.claim.resource:
        return Observation(Phase.PENDING, {}, f"the tuning is submitted again after {held.claim.failed[-1]}")
    if held is None or not held.claim.resource:
        return Observation(Phase.BLOCKED, reason="no tuning job has been submitted yet")
    job = context.vertex.jobs.get(held.claim.resource)
    if job is None:
        return of_gone(context, held.claim, checkpoint)
    again = runs_again(context, job, held.claim, retry)
    if again:
        return Observation(Phase.PENDING, {"job": job.name}, again)
    return of_job(context, job, checkpoint)


def runs_again(context: Context, job: Job, claim: Claim, retry: Retry | None) -> str:
    """Why, in one line, another job follows this one; empty if none does."""
    attempt = len(claim.failed) + 2
    if retry is None or job.failure not in retry.on or attempt > retry.attempts:
        return ""
    if job.state not in (JobState.FAILED, JobState.PARTIAL) or not made_under(job, claim):
        return ""
    if job.state is JobState.PARTIAL and of_job(context, job).phase is Phase.READY:
        return ""
    count = f"job {attempt} of at most {retry.attempts}"
    return f"tuning job {job.name} failed ({job.failure}: {job.reason}) and is followed by {count}"


def of_gone(context: Context, claim: Claim, checkpoint: int | None = None) -> Observation:
    """What a job that Vertex AI no longer knows means: its weights may be there without it."""
    live = {"job": claim.resource}
    uri = claim.weights
    if uri and checkpoint is not None:
        uri = checkpoints.uri_of(checkpoints.output_of(uri), checkpoint)
    seen = _weights(context, uri, None) if uri else None
    if seen is not None and (seen.phase is Phase.READY or checkpoint is not None):
        return Observation(seen.phase, {**seen.live, **live}, seen.reason)
    gone = f"tuning job {claim.resource} is gone, and so are its weights"
    return Observation(Phase.LOST, live, f"{gone}; to tune again, which costs money, set attempt one higher")


def weights_of(job: Job) -> str:
    """Where a job leaves its last weights."""
    return checkpoints.uri_of(job.output_uri)


def of_job(context: Context, job: Job, checkpoint: int | None = None) -> Observation:
    """What a job's state means for its weights, the last ones or a checkpoint's."""
    live = {"job": job.name}
    why = f": {job.reason.rstrip('.')}" if job.reason else ""
    match job.state:
        case JobState.WAITING | JobState.RUNNING | JobState.UNKNOWN:
            return Observation(Phase.PENDING, live, progress.of_job(context, job), progress.pace(job))
        case JobState.FAILED | JobState.CANCELLED:
            return Observation(
                Phase.FAILED,
                live,
                f"tuning job {job.name} {_ENDED[job.state]}{why}. It is not run again by itself; "
                "mend the cause and set attempt one higher",
            )
        case JobState.SUCCEEDED:
            seen = _weights(context, checkpoints.uri_of(job.output_uri, checkpoint), job)
            if seen.phase is Phase.READY and job.dropped:
                return Observation(seen.phase, seen.live, _DROPPED.format(job.name, job.dropped))
            return seen
        case JobState.PARTIAL:
            seen = _weights(context, checkpoints.uri_of(job.output_uri, checkpoint), job)
            told = f"tuning job {job.name} succeeded in part{why}"
            if seen.phase is Phase.READY:
                return Observation(seen.phase, seen.live, f"{told}. Its weights are there and are used")
            return Observation(Phase.FAILED, seen.live, f"{told}; {seen.reason}")


def missing(context: Context, weights_uri: str) -> str:
    """Why given weights cannot be used, in one line; empty when they are there."""
    try:
        return _weights(context, weights_uri, None).reason or ""
    except NotFound as error:
        return f"no weights at {weights_uri}: {error}"


def _weights(context: Context, uri: str, job: Job | None) -> Observation:
    live = {"artifacts_uri": uri, **({"job": job.name, "ended": job.ended} if job else {})}
    if _complete(blob.uri for blob in context.vertex.storage.listed(uri)):
        return Observation(Phase.READY, live)
    output = checkpoints.output_of(uri)
    if output == uri:
        return Observation(Phase.LOST, live, f"no weights at {uri} (config.json and *.safetensors)")
    others = _checkpoints(context, output)
    if uri == checkpoints.uri_of(output):
        choose = f"; serving.checkpoint takes one of those that are there: {others}" if others else ""
        return Observation(Phase.LOST, live, f"no weights at {uri} (config.json and *.safetensors){choose}")
    there = f"it has {others}" if others else "it has no intermediate checkpoints"
    return Observation(Phase.FAILED, live, f"no checkpoint at {uri}; {there}")


def _checkpoints(context: Context, output_uri: str) -> str:
    """The numbers of a job's intermediate checkpoints that are whole."""
    listed = (blob.uri for blob in context.vertex.storage.listed(checkpoints.folder_of(output_uri)))
    found = checkpoints.intermediate(listed, output_uri)
    return ", ".join(str(number) for number, uris in found.items() if _complete(uris))


def _complete(uris: Iterable[str]) -> bool:
    names = {uri.rsplit("/", 1)[1] for uri in uris}
    return "config.json" in names and any(name.endswith(".safetensors") for name in names)
