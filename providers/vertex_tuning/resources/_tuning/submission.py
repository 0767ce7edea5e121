"""The submission of tuning jobs under a claim: finding what an earlier one made, and undoing it."""

from __future__ import annotations

from ...lifecycle import Context, Phase, ResourceInputs, process
from ...lifecycle.deadline import same_stack
from ...vertex.claim import STARTING, Claim, HeldClaim
from ...vertex.claims import contended
from ...vertex.client import Job
from ...vertex.errors import InvalidRequest, PermissionMissing
from .._shared import ownership
from .._shared.operations import gone
from . import artifacts
from .artifacts import CLAIM_LABEL, made_under

TUNINGS = "TuningJob"
"""Where the claims of tuning jobs are."""

MOST_UNANSWERED = 3
"""Calls in a row that may have made something that bills, though no list shows it: no more are made."""


def claim_label(claim: Claim) -> str:
    """What the next job under the claim carries: no two jobs of a claim have the same."""
    return f"{claim.id}-{len(claim.failed) + 1}" if claim.failed else claim.id


def place_of(project: str, region: str) -> str:
    """Where jobs are asked for, as a claim remembers it."""
    return f"projects/{project}/locations/{region}"


def submitted(context: Context, place: str, held: HeldClaim) -> Job | None:
    """The last job that was made under this claim, if the list shows it already.

    It is looked for where the claim says that it was asked for; ``place`` is for claims that do not say.
    """
    _, project, _, region = (held.claim.place or place).split("/")
    found = context.vertex.jobs.labelled(project, region, {CLAIM_LABEL: claim_label(held.claim)})
    return max(found, key=lambda job: job.created, default=None)


def noted(context: Context, urn: str, owner: str, held: HeldClaim, job: Job) -> HeldClaim | None:
    """Write the job's name into the claim, whoever stands in line for it meanwhile.

    If the claim names another job by then, or is gone, nobody would find this one: it is cancelled.
    """

    def written() -> HeldClaim | None:
        now = context.claims.again(held)
        if now is not None and now.claim.id == held.claim.id and now.claim.resource in ("", job.name):
            return _named(context, now, job)
        if made_under(job, held.claim) and ownership.cancel(context, urn, owner, job):
            named = now.claim.resource if now is not None else ""
            why = f"the claim names {named} by now" if named else "its claim was given up meanwhile"
            process.say(urn, f"cancelled the duplicate job {job.name}: {why}", warning=True)
        return now

    return contended(written)


def _named(context: Context, held: HeldClaim, job: Job) -> HeldClaim:
    weights = artifacts.weights_of(job)
    return context.claims.note(held, resource=job.name, operation="", weights=weights, unanswered=0)


def never_answered(held: HeldClaim, what: str) -> str:
    """Why a call that may bill is not made again: too many were not answered; empty if it may be made."""
    if held.claim.unanswered < MOST_UNANSWERED:
        return ""
    return (
        f"Vertex AI was asked {held.claim.unanswered} times for this {what} and never said what came of it, "
        "and no list shows one. Look in the Google Cloud console whether one is there"
    )


def undo(context: Context, urn: str, owner: str, place: str, held: HeldClaim, folder: str = "") -> bool:
    """Cancel a claim's job if it still runs; true if it, or its weights, may be taken over.

    A job of others is left as it is, and looked for anew by whoever wants it next. One whose submission
    was cut off is looked for until it must show. ``folder`` is that of the tuning in the owner's state.
    """
    job = _known_or_awaited(context, place, held)
    if job is None:
        return bool(held.claim.weights) and artifacts.of_gone(context, held.claim).phase is Phase.READY
    if not made_under(job, held.claim):
        return False
    inherited = folder if held.claim.owner == owner else ""
    if not job.state.ended and not ownership.cancel(context, urn, owner, job, inherited):
        return True
    if job.state.ended:
        _unregister(context, urn, owner, job, inherited)
    return artifacts.of_job(context, job).phase is Phase.READY


def _unregister(context: Context, urn: str, owner: str, job: Job, folder: str) -> None:
    """Delete the model that the job registered by itself, if the job is the owner's; the weights stay."""
    name = job.tuned_model.partition("@")[0]
    if not name or not ownership.has_job(owner, job, folder):
        return
    found = context.vertex.serving.model(name)
    if found is None or found.artifacts_uri != artifacts.weights_of(job):
        return
    try:
        gone(context, context.vertex.serving.delete_model(name))
    except (InvalidRequest, PermissionMissing) as refused:
        process.say(urn, f"{name}, which {job.name} registered, is not deleted: {refused}", warning=True)


def give_up(context: Context, urn: str, owner: str, place: str, held: HeldClaim) -> None:
    """Undo what a claim stands for, and the claim; the claim says already that this is coming.

    Raises:
        ClaimChanged: the claim was changed by someone else since it was read.
    """
    (context.claims.release if undo(context, urn, owner, place, held) else context.claims.delete)(held)


def give_up_or_leave(context: Context, urn: str, owner: str, place: str, key: str, token: str) -> None:
    """Give up the claim with this token, or leave it to who stands in line for it."""

    def attempt() -> None:
        held = context.claims.read(key, token)
        if held is None or not held.ours:
            return
        if held.claim.waiters:
            context.claims.leave(held, token)
        else:
            give_up(context, urn, owner, place, context.claims.end(held))

    contended(attempt)


def end_cut_off(context: Context, urn: str, owner: str, place: str, fingerprint: str) -> None:
    """Cancel what a run that was killed submitted, when something else is wanted by now.

    No state holds it, so nobody else would. What a state holds is deleted by `pulumi`, in its own order.
    """
    held = context.claims.read(artifacts.job_key(fingerprint), "")
    if held is None or held.claim.owner != owner or held.claim.recorded == held.claim.token:
        return
    job = _known_or_awaited(context, place, held)
    give_up_or_leave(context, urn, owner, place, held.key, held.claim.token)
    if job is not None and not job.state.ended and made_under(job, held.claim):
        process.say(urn, f"{job.name} of a run that was cut off is given up: something else is declared now")


def record(context: Context, owner: str, fingerprint: str) -> None:
    """Write down that the state holds the tuning job: whatever comes after it runs only then."""

    def attempt() -> None:
        held = context.claims.read(artifacts.job_key(fingerprint), "")
        if held is not None and held.claim.owner == owner:
            context.claims.record(held)

    contended(attempt)


def ended_early(context: Context, inputs: ResourceInputs, held: HeldClaim | None) -> str:
    """Cancel a claim's job because its stack's deadline passed, and say what that means; empty without a job.

    A job that was adopted, or that other stacks stand in line for, goes on.
    """
    if held is None:
        return ""
    place = place_of(inputs.project, inputs.region)
    # The claim still says that it was asked for, so the next command finds what no list shows yet.
    job = submitted(context, place, held) if held.claim.refused else _known_or_awaited(context, place, held)
    return contended(lambda: _ended_early(context, inputs, held.key, job))


def _ended_early(context: Context, inputs: ResourceInputs, key: str, job: Job | None) -> str:
    held = context.claims.read(key, "")
    if held is None:
        return ""
    others = [waiter.owner for waiter in held.claim.waiters if not same_stack(waiter.owner, inputs.owner)]
    if others:
        return f"the tuning job goes on, because {', '.join(others)} waits for it too"
    if job is None:
        return ""
    if not made_under(job, held.claim):
        return f"{job.name} was adopted and goes on"
    if job.state.ended:
        return f"{job.name} has {job.state.value}, and no other was submitted; `pulumi up` goes on"
    held = context.claims.end(held)
    owner = held.claim.owner if same_stack(held.claim.owner, inputs.owner) else inputs.owner
    cancelled = ownership.cancel(context, inputs.urn, owner, job)
    context.claims.go_on(held)
    if not cancelled:
        return f"{job.name} goes on: it carries another service's label"
    return f"{job.name} was cancelled; what it has used is billed. To tune again, raise attempt"


def _known_or_awaited(context: Context, place: str, held: HeldClaim) -> Job | None:
    if held.claim.resource:
        return context.vertex.jobs.get(held.claim.resource)
    if held.claim.operation != STARTING:
        return None
    while True:
        job = submitted(context, place, held)
        left = context.connection.grace_seconds - context.claims.age(held)
        if job is not None or left <= 0:
            return job
        context.clock.sleep(min(left, context.connection.poll_seconds))
