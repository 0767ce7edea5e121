"""What the row of something that waits says: state, epoch and step, the queue."""

from __future__ import annotations

from contextlib import suppress

from .. import catalog
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


def queue(reach: Reach, project: str, region: str, *, before: Job) -> str:
    """How many jobs of the project wait or run in this region that were submitted before this one.

    It ends a line. A job that waits is looked at again and again, so that only its own region is asked.
    """
    # It is a courtesy: that it cannot be told must not end a wait for something that is paid for.
    with suppress(VertexError):
        there = reach.vertex.jobs.active(project, region)
        ahead = sum((job.created, job.name) < (before.created, before.name) for job in there)
        return f", {_jobs(ahead)} in {region} ahead (the quota counts other regions too)"
    return ""


def in_the_way(reach: Reach, project: str) -> str:
    """How many jobs of the project hold its quota, which is one for all regions: the end of a line."""
    ahead, unseen = 0, []
    for region in (place.id for place in catalog.regions()):
        try:
            ahead += len(reach.vertex.jobs.active(project, region))
        except VertexError:
            unseen.append(region)
    but = f" (not looked at: {', '.join(unseen)})" if unseen else ", in all regions"
    return f", {_jobs(ahead)} ahead{but}"


def _jobs(number: int) -> str:
    return f"{number or 'no'} job{'s' if number != 1 else ''} of this project"


def _since(moment: str) -> str:
    """The time of day in UTC of an RFC 3339 moment."""
    return f" since {moment[11:19]} UTC" if moment else ""
