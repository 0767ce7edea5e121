"""Finding a tuning that was paid for already: under its claim, or anywhere in the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from .. import catalog, cost
from ..lifecycle import Phase, Reach, process
from ..names import FINGERPRINT_LABEL, OWNER_LABEL
from ..specs import Retrain, Reuse
from ..vertex.claim import Held
from ..vertex.client import Job, JobState
from ..vertex.errors import InvalidRequest, NotFound, PermissionMissing
from . import artifacts, pinning, readers
from .tuning_inputs import TuningJobInputs

NOTHING_TO_REUSE = (
    "no succeeded job of project {} has this fingerprint (same spec, same data), and retrain is 'deny': "
    "tune it where it is tested first, or set retrain: allow"
)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a create would come to: it uses something and pays nothing, or is refused; or else it pays."""

    uses: str = ""
    refused: str = ""
    key: str = "reuse"


def standing(reach: Reach, inputs: TuningJobInputs, held: Held | None) -> Standing:
    """What a create would come to, each in one line."""
    if held is not None and held.claim.resource:
        return _taken_up(reach, inputs, held)
    if inputs.reuse is not Reuse.PROJECT:
        return _paid(reach, inputs)
    job = succeeded(reach, inputs)
    if job is not None:
        owner = readers.maker(reach, job, inputs.fingerprint)
        return Standing(uses=cost.uses(job.name, owner or _submitter(job, inputs)))
    if inputs.retrain is Retrain.DENY:
        return Standing(refused=NOTHING_TO_REUSE.format(inputs.project))
    return _paid(reach, inputs)


def _taken_up(reach: Reach, inputs: TuningJobInputs, held: Held) -> Standing:
    job = reach.vertex.jobs.get(held.claim.resource)
    seen = artifacts.of_job(reach, job) if job is not None else artifacts.of_gone(reach, held.claim)
    if seen.phase not in (Phase.READY, Phase.PENDING):
        return Standing(uses=f"{seen.reason}; until then this pays nothing")
    refused = overwritten(reach, inputs, held)
    if refused:
        return Standing(refused=refused, key="training_data")
    return Standing(uses=cost.uses(held.claim.resource, held.claim.owner or _submitter(job, inputs)))


def _paid(reach: Reach, inputs: TuningJobInputs) -> Standing:
    """A tuning that starts from weights needs them; without, they are Vertex AI's own."""
    start = inputs.custom_base_model
    if start is None or not inputs.in_preview:
        return Standing()
    return Standing(refused=artifacts.missing(reach, start), key="custom_base_model")


def _submitter(job: Job | None, inputs: TuningJobInputs) -> str:
    """Whose label a job carries that nobody claims any more, as far as a label tells."""
    label = job.labels.get(OWNER_LABEL, "") if job is not None else ""
    return inputs.owner if label == inputs.owner_label else label


def overwritten(reach: Reach, inputs: TuningJobInputs, held: Held | None) -> str:
    """Why weights that a claim names are not what is declared, in one line: their data were overwritten."""
    if held is None or not held.claim.resource or not inputs.live_data:
        return ""
    job = reach.vertex.jobs.get(held.claim.resource)
    read = pinning.read_by_job(job) if job is not None else pinning.read_for(reach, held.claim.weights)
    other = pinning.difference(reach, inputs, read)
    keep = f"adopt_job: {job.name}" if job is not None else f"artifacts_uri: {held.claim.weights}, no tuning"
    return (
        f"{other}, on which {held.claim.resource} was tuned. To tune on it as it is now set attempt one "
        f"higher; to serve what was tuned set {keep}"
        if other
        else ""
    )


def succeeded(reach: Reach, inputs: TuningJobInputs) -> Job | None:
    """The newest job of the project with this fingerprint whose weights are there.

    The service's own location counts first; one where the caller may not look is passed over.
    """
    found = _in_region(reach, inputs, inputs.region)
    for other in (place for place in catalog.tuning_locations() if place != inputs.region):
        if found is not None:
            return found
        with suppress(InvalidRequest, NotFound, PermissionMissing):
            found = _in_region(reach, inputs, other)
    return found


def _in_region(reach: Reach, inputs: TuningJobInputs, region: str) -> Job | None:
    jobs = reach.vertex.jobs.labelled(inputs.project, region, {FINGERPRINT_LABEL: inputs.fingerprint})
    ended = [job for job in jobs if job.state is JobState.SUCCEEDED]
    newest = sorted(ended, key=lambda job: job.created, reverse=True)
    return next(_same(reach, inputs, newest), None)


def _same(reach: Reach, inputs: TuningJobInputs, jobs: list[Job]) -> Iterator[Job]:
    """Those whose weights are there and were tuned on the same bytes; one that was not is told."""
    for job in jobs:
        if artifacts.of_job(reach, job).phase is not Phase.READY:
            continue
        other = pinning.difference(reach, inputs, pinning.read_by_job(job))
        if other == "":
            yield job
        else:
            why = other or f"what it read of {', '.join(inputs.live_data)} is not known"
            process.say(inputs.urn, f"{job.name} is not used: {why}", warning=True)
