"""The submission of a tuning job under its claim: adopted, found, taken over or made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import console
from ...catalog import GLOBAL, tuning_regions
from ...lifecycle import Context, Observation, Phase, process
from ...names import FINGERPRINT_LABEL, OWNER_LABEL
from ...specs import Retrain, Reuse
from ...vertex.claim import STARTING, HeldClaim
from ...vertex.client import Job, JobRequest, JobState
from ...vertex.errors import (
    FailedPrecondition,
    InvalidRequest,
    NoCapacity,
    NotFound,
    PermissionMissing,
    QuotaExceeded,
    TooManyRequests,
    Transient,
)
from .._tuning import artifacts, consumers, pinned_data
from .._tuning.artifacts import CLAIM_LABEL, made_under
from .._tuning.inputs import TuningJobInputs
from .._tuning.progress import in_the_way
from .._tuning.submission import claim_label, never_answered, noted, place_of, submitted, undo
from . import adopt, reuse

# Google's answer says that nothing was made. A lost or odd answer does not say so, and a full quota or
# region is asked again by itself: only what no list shows when the grace period ends was not made.
REFUSALS = (InvalidRequest, NotFound, PermissionMissing)


class TuningJobExternal:
    """The job at Vertex AI and the claim that stands for it."""

    waits_in_line = True

    def observe(self, context: Context, inputs: TuningJobInputs, held: HeldClaim | None) -> Observation:
        """Ready as soon as the job is known; a job that ended badly says so in ``ended_badly``."""
        if held is None:
            return Observation(Phase.ABSENT)
        if held.claim.resource:
            return _known(context, held, held.claim.resource)
        if held.claim.failed and held.claim.operation != STARTING:
            # TunedModel runs it again, if the policy still says so.
            return _known(context, held, held.claim.failed[-1])
        if held.ours and held.claim.operation != STARTING:
            return Observation(Phase.ABSENT)
        if submitted(context, inputs.place, held) is not None:
            return Observation(Phase.PARTIAL, reason="the job of an earlier submission was found")
        if context.claims.age(held) < context.connection.grace_seconds:
            if held.claim.refused:
                return Observation(Phase.BLOCKED, reason=held.claim.refused)
            whose = "an earlier submission" if held.ours else f"a submission by {held.claim.owner}"
            return Observation(Phase.PENDING, reason=f"looking for the job of {whose}")
        if given_up := never_answered(held, "tuning"):
            return Observation(Phase.FAILED, reason=f"{given_up}; to ask again set attempt one higher")
        return Observation(Phase.ABSENT)

    def submit(self, context: Context, inputs: TuningJobInputs, held: HeldClaim | None) -> HeldClaim | None:
        """Adopt, find or create the job, and write its name into the claim."""
        if held is None:
            raise Transient("the claim of this tuning is gone; run it again")
        if inputs.adopt_job is not None:
            return _read_from(context, inputs, adopt.job(context, inputs, inputs.adopt_job), held)
        found = submitted(context, inputs.place, held)
        if found is not None:
            return noted(context, inputs.urn, inputs.owner, held, found)
        if inputs.reuse is Reuse.PROJECT:
            found = reuse.succeeded(context, inputs)
            if found is not None:
                return _read_from(context, inputs, found, held)
            if inputs.retrain is Retrain.DENY:
                raise InvalidRequest(reuse.NOTHING_TO_REUSE.format(inputs.project))
        data = [
            pinned_data.validated(context, inputs, uri) if uri in inputs.live_data else uri
            for uri in inputs.data
        ]
        return self._create(context, inputs, held, data, inputs.region)

    def _create(
        self, context: Context, inputs: TuningJobInputs, held: HeldClaim, data: list[str], location: str
    ) -> HeldClaim | None:
        place = place_of(inputs.project, location)
        held = context.claims.note(
            held, operation=STARTING, reads=inputs.custom_base_model or "", place=place
        )
        try:
            job = context.vertex.jobs.create(inputs.project, location, _request(inputs, held, *data))
        except FailedPrecondition as refused:
            if location != GLOBAL:
                context.claims.note(held, operation="", unanswered=0)
                raise
            return self._elsewhere(context, inputs, held, data, refused)
        except REFUSALS:
            context.claims.note(held, operation="", unanswered=0)
            raise
        except TooManyRequests as refused:
            context.claims.note(held, refused=f"waits for its turn: {refused}")
            raise
        except QuotaExceeded as refused:
            told = QuotaExceeded(f"{refused}{in_the_way(context, inputs.project)}")
            context.claims.note(held, refused=f"waits in line: {told}", unanswered=0)
            raise told from refused
        except NoCapacity as refused:
            context.claims.note(held, refused=f"waits for capacity: {refused}", unanswered=0)
            raise
        except Transient:
            # The job may exist: the next read finds it, or the grace period ends.
            return context.claims.note(held, unanswered=held.claim.unanswered + 1)
        return noted(context, inputs.urn, inputs.owner, held, job)

    def _elsewhere(
        self,
        context: Context,
        inputs: TuningJobInputs,
        held: HeldClaim,
        data: list[str],
        refused: FailedPrecondition,
    ) -> HeldClaim | None:
        """The same in the region that the service names: `global` does not take every model."""
        region = inputs.fallback_region
        if region is None:
            context.claims.note(held, operation="")
            raise FailedPrecondition(
                f"Vertex AI does not tune this at {GLOBAL}: {str(refused).rstrip('.')}. Set tuning.location "
                f"to a region, one of {', '.join(tuning_regions())}"
            ) from refused
        process.say(
            inputs.urn,
            f"not tuned at {GLOBAL} but in {region}, because Vertex AI says: {refused}",
            warning=True,
        )
        return self._create(context, inputs, held, data, region)

    def update(
        self, _context: Context, _before: Mapping[str, Any], _inputs: TuningJobInputs, _held: HeldClaim | None
    ) -> None:
        """Nothing of a job can be changed."""

    def delete(self, context: Context, inputs: TuningJobInputs, held: HeldClaim | None) -> bool:
        """Cancel what still runs; a succeeded job stays, for whoever asks for the same tuning next."""
        return held is not None and undo(
            context, inputs.urn, inputs.owner, inputs.place, held, inputs.job_output_uri
        )


def _read_from(context: Context, inputs: TuningJobInputs, job: Job, held: HeldClaim) -> HeldClaim | None:
    """Take a job for ours that another claim stands for, and tell that claim first."""
    if made_for := consumers.claimed_elsewhere(job, inputs):
        consumers.join(context, inputs, job.output_uri, made_for, consumers.token_of(held, inputs.owner))
    return noted(context, inputs.urn, inputs.owner, held, job)


def _known(context: Context, held: HeldClaim, name: str) -> Observation:
    job = context.vertex.jobs.get(name)
    live = {"job": name, "console": console.tuning_job(name)}
    if job is None:
        gone = artifacts.of_gone(context, held.claim)
        return Observation(gone.phase, {**live, "ended_badly": ""}, gone.reason)
    ended = job.state in (JobState.FAILED, JobState.CANCELLED, JobState.PARTIAL)
    seen = artifacts.of_job(context, job) if ended else None
    ended_badly = seen.reason if seen is not None and seen.phase is Phase.FAILED else ""
    owned = held.ours and made_under(job, held.claim)
    return Observation(Phase.READY, {**live, "ended_badly": ended_badly, "owned": owned})


def _request(
    inputs: TuningJobInputs, held: HeldClaim, training_uri: str, validation_uri: str | None = None
) -> JobRequest:
    return JobRequest(
        display_name=inputs.display_name,
        base_model=inputs.base_model,
        mode=inputs.mode,
        training_uri=training_uri,
        validation_uri=validation_uri,
        output_uri=inputs.job_output_uri,
        custom_base_model=inputs.custom_base_model,
        teacher=inputs.teacher,
        epochs=inputs.epochs,
        learning_rate=inputs.learning_rate,
        adapter_size=inputs.adapter_size,
        batch_size=inputs.batch_size,
        service_account=inputs.service_account,
        kms_key=inputs.kms_key,
        labels={
            **inputs.labels,
            FINGERPRINT_LABEL: inputs.fingerprint,
            OWNER_LABEL: inputs.owner_label,
            CLAIM_LABEL: claim_label(held.claim),
        },
    )
