"""What the row of something that waits says: state, epoch and step, the queue."""

from __future__ import annotations

from contextlib import suppress

from ..lifecycle import Reach
from ..vertex.client import Job, JobState
from ..vertex.errors import VertexError


def of_job(reach: Reach, job: Job) -> str:
    """One line about a job that waits or runs.

    Times are moments, not durations: the line is an output too, and a refresh must not change it by itself.
    Vertex AI shows no loss in a tuning job: only the experiment, if it names one, has its curve.
    """
    if job.state is JobState.WAITING:
        ahead = queue(reach, job.name.split("/")[1], job.name.split("/")[3], before=job)
        return f"the tuning job waits for its turn{_since(job.created)}{ahead}"
    done = ""
    if job.checkpoint is not None:
        of = f" of {job.epochs}" if job.epochs else ""
        done = f", {job.checkpoint.epoch}{of} epochs done, step {job.checkpoint.step}"
    loss = f", loss in {job.experiment}" if job.experiment else ""
    return f"the tuning job runs{_since(job.started)}{done}{loss}"


def queue(reach: Reach, project: str, region: str, *, before: Job | None = None) -> str:
    """How many jobs of the project in this region wait or run, as the end of a line.

    Args:
        reach: what the external calls may use.
        project: its id or number.
        region: where the job is, or is to be.
        before: count only what was submitted before this job; ``None`` counts all.
    """
    # It is a courtesy: that it cannot be told must not end a wait for something that is paid for.
    with suppress(VertexError):
        there = reach.vertex.jobs.active(project, region)
        if before is not None:
            there = tuple(job for job in there if (job.created, job.name) < (before.created, before.name))
        plural = "s" if len(there) != 1 else ""
        # The quota is one for all regions; counting each of them at every look would be five lists.
        counted = f"{len(there) or 'no'} job{plural} of this project in {region} ahead"
        return f", {counted} (the quota counts other regions too)"
    return ""


def _since(moment: str) -> str:
    """The time of day in UTC of an RFC 3339 moment."""
    return f" since {moment[11:19]} UTC" if moment else ""
