"""What the row of something that waits says: state, epoch and step, the queue."""

from __future__ import annotations

from contextlib import suppress

from ... import catalog
from ...lifecycle import Context
from ...vertex.client import Job, JobState, Losses, counted_once
from ...vertex.errors import VertexError
from ...vertex.retry import outlasting


def of_job(context: Context, job: Job) -> str:
    """One line about a job that waits or runs.

    Times are moments, not durations: the line is an output too, and a refresh must not change it by itself.
    Vertex AI shows no loss in a tuning job: its experiment leads to a TensorBoard that has the curves.
    """
    if job.state is JobState.UNKNOWN:
        return f"waits for the tuning job, whose state {job.state_name} this version does not know"
    if job.state is JobState.WAITING:
        ahead = in_the_way(context, job.name.split("/")[1], of=job)
        return f"the tuning job waits for its turn{_since(job.created)}{ahead}"
    done = ""
    if job.checkpoint is not None:
        of = f" of {job.epochs}" if job.epochs else ""
        done = f", {job.checkpoint.epoch}{of} epochs done, step {job.checkpoint.step}"
    return f"the tuning job runs{_since(job.started)}{done}{_loss(context, job)}"


def losses_of(context: Context, job: Job) -> Losses | None:
    """The losses that a job's experiment holds; ``None`` if it leads to none, or cannot be read now."""
    if not job.experiment:
        return None
    with suppress(VertexError), outlasting(None):  # a courtesy: what it cannot show ends no wait
        return context.vertex.jobs.losses(job.experiment, validated=bool(job.validation_uri))
    return None


def _loss(context: Context, job: Job) -> str:
    """The latest losses, or where they can be seen: the end of a line."""
    if not job.experiment:
        return ""
    found = losses_of(context, job)
    if found is None or not found.training:
        return f", loss in {job.experiment}"
    validation = f", validation loss {found.validation[-1].value:g}" if found.validation else ""
    return f", training loss {found.training[-1].value:g}{validation}"


def in_the_way(context: Context, project: str, *, of: Job | None = None) -> str:
    """How many jobs hold the project's quota, which is one for all regions: the end of a line.

    Args:
        of: a job in the queue; only those that were submitted before it count.

    Returns:
        Nothing, if no region can be looked at.
    """
    found, regions, unseen = list[Job](), list(catalog.tuning_locations()), []
    for region in regions:
        # It is a courtesy: that it cannot be told must not end a wait for something that is paid for.
        try:
            with outlasting(None):
                found += context.vertex.jobs.active(project, region)
        except VertexError:
            unseen.append(region)
    ahead = sum(of is None or (job.created, job.name) < (of.created, of.name) for job in counted_once(found))
    if unseen == regions:
        return ""
    but = f" (not looked at: {', '.join(unseen)})" if unseen else ", in all regions"
    return f", {_jobs(ahead)} ahead{but}"


def _jobs(number: int) -> str:
    return f"{number or 'no'} job{'s' if number != 1 else ''} of this project"


def _since(moment: str) -> str:
    """The time of day in UTC of an RFC 3339 moment."""
    return f" since {moment[11:19]} UTC" if moment else ""
