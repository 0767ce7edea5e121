"""The submission of tuning jobs under a claim: finding what an earlier one made, and undoing it."""

from __future__ import annotations

from ..lifecycle import Phase, Reach, ResourceInputs
from ..lifecycle.deadline import same_stack
from ..vertex.claims import STARTING, Claim, Held
from ..vertex.client import Job
from . import artifacts
from .artifacts import CLAIM_LABEL, made_under

TUNINGS = "TuningJob"
"""Where the claims of tuning jobs are."""


def claim_label(claim: Claim) -> str:
    """What the next job under the claim carries: no two jobs of a claim have the same."""
    return f"{claim.id}-{len(claim.failed) + 1}" if claim.failed else claim.id


def submitted(reach: Reach, project: str, region: str, held: Held) -> Job | None:
    """The last job that was made under this claim, if the list shows it already."""
    found = reach.vertex.jobs.labelled(project, region, {CLAIM_LABEL: claim_label(held.claim)})
    return max(found, key=lambda job: job.created, default=None)


def undo(reach: Reach, project: str, region: str, held: Held) -> bool:
    """Cancel a claim's job if it still runs; true if its weights are there and may be taken over.

    A job of others is left as it is, and looked for anew by whoever wants it next. One whose submission
    was cut off is looked for until it must show.
    """
    job = _known_or_awaited(reach, project, region, held)
    if job is None:
        return bool(held.claim.weights) and artifacts.of_gone(reach, held.claim).phase is Phase.READY
    if not made_under(job, held.claim):
        return False
    if not job.state.ended:
        reach.vertex.jobs.cancel(job.name)
    return artifacts.of_job(reach, job).phase is Phase.READY


def ended_early(reach: Reach, inputs: ResourceInputs, held: Held | None) -> str:
    """Cancel a claim's job because its stack's deadline passed, and say what that means; empty without a job.

    A job that was adopted, or that other stacks stand in line for, goes on.
    """
    others = [heir.owner for heir in held.claim.heirs] if held is not None else []
    others = [other for other in others if not same_stack(other, inputs.owner)]
    if others:
        return f"the tuning job goes on, because {', '.join(others)} waits for it too"
    job = _known_or_awaited(reach, inputs.project, inputs.region, held) if held is not None else None
    if held is None or job is None:
        return ""
    if not made_under(job, held.claim):
        return f"{job.name} was adopted and goes on"
    if job.state.ended:
        return f"{job.name} has {job.state.value}, and no other was submitted; `pulumi up` goes on"
    reach.vertex.jobs.cancel(job.name)
    return (
        f"{job.name} was told to end, and what it has used is paid for; to tune again, set attempt one higher"
    )


def _known_or_awaited(reach: Reach, project: str, region: str, held: Held) -> Job | None:
    if held.claim.resource:
        return reach.vertex.jobs.get(held.claim.resource)
    if held.claim.operation != STARTING:
        return None
    while True:
        job = submitted(reach, project, region, held)
        left = reach.connection.grace_seconds - reach.claims.age(held)
        if job is not None or left <= 0:
            return job
        reach.clock.sleep(min(left, reach.connection.poll_seconds))
