"""Finding a tuning that was paid for already: under its claim, or anywhere in the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from ... import catalog, cost
from ...lifecycle import Context, Phase, process
from ...names import FINGERPRINT_LABEL, OWNER_LABEL
from ...specs import Retrain, Reuse
from ...vertex.claim import HeldClaim
from ...vertex.client import Job, JobState
from ...vertex.errors import InvalidRequest, NotFound, PermissionMissing
from .._tuning import artifacts, consumers, pinned_data
from .._tuning.inputs import TuningJobInputs

NOTHING_TO_REUSE = (
    "no succeeded job of project {} has this fingerprint (same spec, same data), and retrain is 'deny': "
    "tune it where it is tested first, or set retrain: allow"
)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a create would come to: it uses something and pays nothing, or is refused; or else it pays."""

    uses: str = ""
    refused: str = ""
    key: str = "reuse"


def standing(context: Context, inputs: TuningJobInputs, held: HeldClaim | None) -> Standing:
    """What a create would come to, each in one line."""
    if held is not None and held.claim.resource:
        return _taken_up(context, inputs, held)
    if inputs.reuse is not Reuse.PROJECT:
        return _paid(context, inputs)
    job = succeeded(context, inputs)
    if job is not None:
        owner = consumers.maker(context, job, inputs.fingerprint)
        return Standing(uses=cost.uses(job.name, owner or _submitter(job, inputs)))
    if inputs.retrain is Retrain.DENY:
        return Standing(refused=NOTHING_TO_REUSE.format(inputs.project))
    return _paid(context, inputs)


def _taken_up(context: Context, inputs: TuningJobInputs, held: HeldClaim) -> Standing:
    job = context.vertex.jobs.get(held.claim.resource)
    seen = artifacts.of_job(context, job) if job is not None else artifacts.of_gone(context, held.claim)
    if seen.phase not in (Phase.READY, Phase.PENDING):
        return Standing(uses=f"{seen.reason}; until then this pays nothing")
    refused = overwritten(context, inputs, held)
    if refused:
        return Standing(refused=refused, key="training_data")
    return Standing(uses=cost.uses(held.claim.resource, held.claim.owner or _submitter(job, inputs)))


def _paid(context: Context, inputs: TuningJobInputs) -> Standing:
    """A tuning that starts from weights needs them; without, they are Vertex AI's own."""
    start = inputs.custom_base_model
    if start is None or not inputs.in_preview:
        return Standing()
    return Standing(refused=artifacts.missing(context, start), key="custom_base_model")


def _submitter(job: Job | None, inputs: TuningJobInputs) -> str:
    """Whose label a job carries that nobody claims any more, as far as a label tells."""
    label = job.labels.get(OWNER_LABEL, "") if job is not None else ""
    return inputs.owner if label == inputs.owner_label else label


def overwritten(context: Context, inputs: TuningJobInputs, held: HeldClaim | None) -> str:
    """Why weights that a claim names are not what is declared, in one line: their data were overwritten."""
    if held is None or not held.claim.resource or not inputs.live_data:
        return ""
    job = context.vertex.jobs.get(held.claim.resource)
    read = (
        pinned_data.read_by_job(job) if job is not None else pinned_data.read_for(context, held.claim.weights)
    )
    other = pinned_data.difference(context, inputs, read)
    keep = f"adopt_job: {job.name}" if job is not None else f"artifacts_uri: {held.claim.weights}, no tuning"
    return (
        f"{other}, on which {held.claim.resource} was tuned. To tune on it as it is now set attempt one "
        f"higher; to serve what was tuned set {keep}"
        if other
        else ""
    )


def succeeded(context: Context, inputs: TuningJobInputs) -> Job | None:
    """The newest job of the project with this fingerprint whose weights are there.

    The service's own location counts first; one where the caller may not look is passed over.
    """
    found = _in_region(context, inputs, inputs.region)
    for other in (place for place in catalog.tuning_locations() if place != inputs.region):
        if found is not None:
            return found
        with suppress(InvalidRequest, NotFound, PermissionMissing):
            found = _in_region(context, inputs, other)
    return found


def _in_region(context: Context, inputs: TuningJobInputs, region: str) -> Job | None:
    jobs = context.vertex.jobs.labelled(inputs.project, region, {FINGERPRINT_LABEL: inputs.fingerprint})
    ended = [job for job in jobs if job.state is JobState.SUCCEEDED]
    newest = sorted(ended, key=lambda job: job.created, reverse=True)
    return next(_same(context, inputs, newest), None)


def _same(context: Context, inputs: TuningJobInputs, jobs: list[Job]) -> Iterator[Job]:
    """The jobs whose weights exist and were tuned on the same bytes; others are reported."""
    for job in jobs:
        if artifacts.of_job(context, job).phase is not Phase.READY:
            continue
        other = pinned_data.difference(context, inputs, pinned_data.read_by_job(job))
        if other == "":
            yield job
        else:
            why = other or f"what it read of {', '.join(inputs.live_data)} is not known"
            process.say(inputs.urn, f"{job.name} is not used: {why}", warning=True)
