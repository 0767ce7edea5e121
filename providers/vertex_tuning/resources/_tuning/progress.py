"""Progress of a tuning job in one line: epoch, loss, time left, or the place in the queue."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from ... import catalog
from ...lifecycle import Context, Pace
from ...vertex.client import Job, JobState, Losses, counted_once
from ...vertex.errors import VertexError
from ...vertex.retry import outlasting


def of_job(context: Context, job: Job) -> str:
    """One line about a job that waits or runs; figures first, because a narrow terminal cuts the end.

    Times are moments, not durations: the line is an output too, and a refresh must not change it by itself.
    """
    if job.state is JobState.UNKNOWN:
        return f"state {job.state_name}, which this version does not know"
    if job.state is JobState.WAITING:
        return f"queued{in_the_way(context, job.name.split('/')[1], of=job)}{_since(job.created)}"
    return running(job, losses_of(context, job))


def running(job: Job, losses: Losses | None) -> str:
    """Epoch and loss of a running job, or since when it runs.

    Vertex AI shows no loss in a tuning job: its experiment leads to a TensorBoard that has the curves.
    """
    done = []
    if job.checkpoint is not None:
        done.append(f"epoch {job.checkpoint.epoch}{f'/{job.epochs}' if job.epochs else ''}")
    if losses is not None and losses.training:
        done.append(f"loss {losses.training[-1].value:.3g}")
        done += [f"validation loss {point.value:.3g}" for point in losses.validation[-1:]]
    if job.checkpoint is None:
        done.append(f"tuning{_since(job.started).removeprefix(',')}")
    if job.experiment and not (losses and losses.training):
        done.append(f"loss in {job.experiment}")
    return ", ".join(done)


def pace(job: Job) -> Pace | None:
    """How far a running job has come; ``None`` before its first checkpoint."""
    if job.state is not JobState.RUNNING or job.checkpoint is None or not (job.epochs and job.started):
        return None
    return Pace(datetime.fromisoformat(job.started).timestamp(), job.checkpoint.epoch / job.epochs)


def losses_of(context: Context, job: Job) -> Losses | None:
    """The losses that a job's experiment holds; ``None`` if it leads to none, or cannot be read now."""
    if not job.experiment:
        return None
    with suppress(VertexError), outlasting(None):  # a courtesy: what it cannot show ends no wait
        return context.vertex.jobs.losses(job.experiment, validated=bool(job.validation_uri))
    return None


def in_the_way(context: Context, project: str, *, of: Job | None = None) -> str:
    """How many jobs hold the project's quota, which is one for all regions: the end of a line.

    Args:
        of: a job in the queue; only those that were submitted before it count.

    Returns:
        Nothing, if no region can be looked at.
    """
    found, regions, unseen = list[Job](), list(catalog.tuning_locations()), []
    for region in regions:
        # Optional information: its failure must not end a wait for paid work.
        try:
            with outlasting(None):
                found += context.vertex.jobs.active(project, region)
        except VertexError:
            unseen.append(region)
    ahead = sum(of is None or (job.created, job.name) < (of.created, of.name) for job in counted_once(found))
    if unseen == regions:
        return ""
    but = f" (not checked: {', '.join(unseen)})" if unseen else ", in all regions"
    return f", {_jobs(ahead)} ahead{but}"


def _jobs(number: int) -> str:
    return f"{number or 'no'} job{'s' if number != 1 else ''} of this project"


def _since(moment: str) -> str:
    """The end of a line: the time of day in UTC of an RFC 3339 timestamp."""
    return f", since {moment[11:19]} UTC" if moment else ""
