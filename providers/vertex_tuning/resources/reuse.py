"""Finding a tuning that was paid for already: under its claim, or anywhere in the project."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .. import catalog
from ..lifecycle import Phase, Reach
from ..names import FINGERPRINT_LABEL, OWNER_LABEL
from ..specs import Reuse
from ..vertex.claims import Held
from ..vertex.client import Job, JobState
from ..vertex.errors import InvalidRequest, NotFound, PermissionMissing
from . import artifacts, readers

if TYPE_CHECKING:
    from .tuning_job import TuningJobInputs


def standing(reach: Reach, inputs: TuningJobInputs, held: Held | None) -> str:
    """What a create would use instead of paying, in one line; empty when there is nothing."""
    if held is not None and held.claim.resource:
        job = reach.vertex.jobs.get(held.claim.resource)
        seen = artifacts.of_job(reach, job) if job is not None else artifacts.of_gone(reach, held.claim)
        if seen.phase not in (Phase.READY, Phase.PENDING):
            return f"{seen.reason}; until then this pays nothing"
        return _uses(held.claim.resource, held.claim.owner or _submitter(job, inputs))
    if inputs.reuse is not Reuse.PROJECT:
        return ""
    job = succeeded(reach, inputs.project, inputs.region, inputs.fingerprint)
    if job is None:
        return ""
    return _uses(job.name, readers.maker(reach, job, inputs.fingerprint) or _submitter(job, inputs))


def _uses(job: str, owner: str) -> str:
    return f"uses {job} of {owner or 'nobody'}, pays nothing"


def _submitter(job: Job | None, inputs: TuningJobInputs) -> str:
    """Whose label a job carries that nobody claims any more, as far as a label tells."""
    label = job.labels.get(OWNER_LABEL, "") if job is not None else ""
    return inputs.owner if label == inputs.owner_label else label


def succeeded(reach: Reach, project: str, region: str, fingerprint: str) -> Job | None:
    """The newest job of the project with this fingerprint whose weights are there.

    The service's own region counts first; one where the caller may not look is passed over.
    """
    found = _in_region(reach, project, region, fingerprint)
    for other in (place.id for place in catalog.regions() if place.id != region):
        if found is not None:
            return found
        with suppress(InvalidRequest, NotFound, PermissionMissing):
            found = _in_region(reach, project, other, fingerprint)
    return found


def _in_region(reach: Reach, project: str, region: str, fingerprint: str) -> Job | None:
    jobs = reach.vertex.jobs.labelled(project, region, {FINGERPRINT_LABEL: fingerprint})
    ended = [job for job in jobs if job.state is JobState.SUCCEEDED]
    newest = sorted(ended, key=lambda job: job.created, reverse=True)
    return next((job for job in newest if artifacts.of_job(reach, job).phase is Phase.READY), None)
