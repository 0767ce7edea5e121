"""Which weights may be deleted, with a service or because another set of them serves; and who needs them."""

from __future__ import annotations

from collections.abc import Iterator

from ... import checkpoints
from ...lifecycle import Context, process
from ...vertex.claim import STARTING, HeldClaim
from ...vertex.claims import contended
from ...vertex.client import Job
from ...vertex.errors import VertexError
from ...vertex.memo import anew
from . import artifacts
from .submission import TUNINGS

DEPLOYMENTS = "DeployedModel"
KEEP_FINAL = "tuning.keep_checkpoints: final"


def ending(context: Context, owner: str, fingerprint: str) -> str:
    """Mark a tuning as being undone, and give the output folder of its job.

    Empty, and nothing marked, if no submission of this owner made weights that are there.
    """
    return contended(lambda: _ending(context, owner, fingerprint))


def _ending(context: Context, owner: str, fingerprint: str) -> str:
    found = _own_job(context, owner, fingerprint)
    if found is None or not weights(context, found[1].output_uri):
        return ""
    context.claims.end(found[0])
    return found[1].output_uri


def _own_job(context: Context, owner: str, fingerprint: str) -> tuple[HeldClaim, Job] | None:
    """The job that a submission of this owner made, with its claim, once it has ended."""
    held = context.claims.read(artifacts.job_key(fingerprint), "")
    if held is None or held.claim.owner != owner or not held.claim.resource:
        return None
    job = context.vertex.jobs.get(held.claim.resource)
    if job is None or not job.state.ended or not artifacts.made_under(job, held.claim):
        return None
    return (held, job) if job.output_uri.startswith(f"{context.claims.output_uri}/") else None


def weights(context: Context, output_uri: str) -> list[str]:
    """The objects of all sets of weights that a job left."""
    return checkpoints.weights(_listed(context, output_uri), output_uri)


def _listed(context: Context, output_uri: str) -> list[str]:
    return [blob.uri for blob in context.vertex.storage.listed(checkpoints.folder_of(output_uri))]


def prune(context: Context, *, owner: str, fingerprint: str, keep: int | None, urn: str) -> bool:
    """Delete the intermediate checkpoints of a job of this owner, but one to keep and those in use.

    Returns:
        False if it is to be tried again: Google refused a step, which is reported, because the model serves.
    """
    try:
        with anew():
            found = _own_job(context, owner, fingerprint)
        for line in _pruned(context, owner, fingerprint, found[1].output_uri, keep) if found else ():
            process.say(urn, f"{line} ({KEEP_FINAL})")
    except VertexError as refused:
        mend = "The next `pulumi up` tries again; to keep them set tuning.keep_checkpoints: all"
        process.say(urn, f"not all intermediate checkpoints are deleted: {refused}. {mend}", warning=True)
        return False
    return True


def _pruned(context: Context, owner: str, fingerprint: str, output: str, keep: int | None) -> Iterator[str]:
    """Delete, and say of each checkpoint what became of it."""
    there = checkpoints.intermediate(_listed(context, output), output)
    there = {number: uris for number, uris in there.items() if number != keep}
    anyone = bool(there) and in_use(context, fingerprint, checkpoints.folder_of(output), owner)
    for number, uris in there.items():
        at = checkpoints.uri_of(output, number)
        if anyone and (users := in_use(context, fingerprint, at, owner)):
            yield f"kept {at}, which is used by {', '.join(users)}"
            continue
        # Without its configuration a checkpoint that is half deleted is none.
        for uri in sorted(uris, key=lambda uri: not uri.endswith("/config.json")):
            context.vertex.storage.delete(uri)
        yield f"deleted {at}"


def in_use(context: Context, fingerprint: str, uri: str, owner: str) -> list[str]:
    """Who still needs these weights: a reader of the tuning, a deployment, a tuning that goes on from them.

    Seen is what has its claims below the same output folder, and readers wherever they are; all is looked at
    after the call, so that a tuning which was marked as ending before it gets no reader any more.
    """
    with anew():
        return _in_use(context, fingerprint, uri, owner)


def _in_use(context: Context, fingerprint: str, uri: str, owner: str) -> list[str]:
    held = context.claims.read(artifacts.job_key(fingerprint), "")
    readers = [waiter.owner for waiter in held.claim.waiters] if held is not None else []
    serving = [
        f"a deployment of {other.claim.owner or 'an earlier service'}"
        for other in context.claims.below(DEPLOYMENTS)
        if _reads(other, uri) and other.claim.owner != owner
    ]
    tuning = [
        f"a tuning of {other.claim.owner}"
        for other in context.claims.below(TUNINGS)
        if _reads(other, uri) and _goes_on(context, other)
    ]
    adopting = [
        f"{other.claim.owner}, which adopted it"
        for other in context.claims.below(TUNINGS)
        if other.key != artifacts.job_key(fingerprint) and _same_job(other, uri) and other.claim.owner
    ]
    return sorted({*readers, *serving, *tuning, *adopting})


def kept(what: str, users: list[str]) -> str:
    """One line that says why weights are not deleted."""
    return f"delete_artifacts: the weights of {what} are kept, because they are used by {', '.join(users)}"


def _same_job(held: HeldClaim, uri: str) -> bool:
    """Whether a claim names the weights of the job that left what lies at ``uri``, a folder of its output."""
    output = checkpoints.output_of(held.claim.weights)
    return bool(held.claim.weights) and f"{uri}/".startswith(f"{output}/")


def _reads(held: HeldClaim, uri: str) -> bool:
    read = f"{held.claim.reads}/"
    return bool(held.claim.reads) and (read.startswith(f"{uri}/") or f"{uri}/".startswith(read))


def _goes_on(context: Context, held: HeldClaim) -> bool:
    if not held.claim.resource:
        return held.claim.operation == STARTING or bool(held.claim.failed)
    job = context.vertex.jobs.get(held.claim.resource)
    return job is not None and not job.state.ended
