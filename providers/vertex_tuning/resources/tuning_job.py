"""TuningJob: at most one job per fingerprint, submitted under a claim, never awaited here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import Output
from pulumi.dynamic import CheckFailure, CheckResult, DiffResult

from .. import cost, names
from ..lifecycle import Change, Declared, Observation, Phase, Provider, Reach, ResourceInputs, process
from ..names import FINGERPRINT_LABEL, OWNER_LABEL
from ..specs import (
    CountOrZero,
    GcsUri,
    HyperParameters,
    KmsKey,
    Labels,
    Mode,
    ModelId,
    Retrain,
    RetrainChoice,
    Reuse,
    ReuseChoice,
    ServiceAccount,
    TuningJobName,
)
from ..vertex.claims import STARTING, Held
from ..vertex.client import Job, JobRequest, JobState
from ..vertex.errors import InvalidRequest, NoCapacity, NotFound, PermissionMissing, QuotaExceeded, Transient
from . import artifacts, looks, readers, reuse
from .artifacts import CLAIM_LABEL, made_under
from .progress import queue
from .submission import claim_label, ended_early, submitted, undo

NOTHING_TO_REUSE = (
    "no succeeded job of project {} has this fingerprint (same spec, same data), and retrain is 'deny': "
    "tune it where it is tested first, or set retrain: allow"
)
# Google's answer says that nothing was made; a lost or odd answer does not say so.
REFUSALS = (InvalidRequest, NotFound, PermissionMissing, QuotaExceeded, NoCapacity)


class TuningJobInputs(ResourceInputs, HyperParameters):
    """What to tune, on what, and where the result goes.

    Attributes:
        billed_tokens: estimated training tokens over all epochs, for messages.
        price: what they cost by the price book, for messages; empty when the book does not say.
        fingerprint: identity of spec, data and attempt; label of the job and key of its claim.
        job_output_uri: folder of this job alone.
        owner_label: ``owner`` as far as a label can carry it.
    """

    fingerprint: str
    owner_label: str
    job_output_uri: GcsUri
    base_model: ModelId
    mode: Mode
    training_uri: GcsUri
    validation_uri: GcsUri | None = None
    custom_base_model: GcsUri | None = None
    service_account: ServiceAccount | None = None
    kms_key: KmsKey | None = None
    display_name: str
    labels: Labels = {}
    adopt_job: TuningJobName | None = None
    retrain: RetrainChoice = Retrain.ALLOW
    reuse: ReuseChoice = Reuse.OUTPUT_URI
    billed_tokens: CountOrZero | None = None
    price: str = ""


class TuningJobExternal:
    """The job at Vertex AI and the claim that stands for it."""

    waits_in_line = True

    def observe(self, reach: Reach, inputs: TuningJobInputs, held: Held | None) -> Observation:
        """Ready as soon as the job is known; a job that ended badly says so in ``ended_badly``."""
        if held is None:
            return Observation(Phase.ABSENT)
        if held.claim.resource:
            return _known(reach, held, held.claim.resource)
        if held.claim.failed and held.claim.operation != STARTING:
            # TunedModel runs it again, if the policy still says so.
            return _known(reach, held, held.claim.failed[-1])
        if held.ours and held.claim.operation != STARTING:
            return Observation(Phase.ABSENT)
        if submitted(reach, inputs.project, inputs.region, held) is not None:
            return Observation(Phase.PARTIAL, reason="the job of an earlier submission was found")
        if reach.claims.age(held) < reach.connection.grace_seconds:
            whose = "an earlier submission" if held.ours else f"a submission by {held.claim.owner}"
            return Observation(Phase.PENDING, reason=f"looking for the job of {whose}")
        return Observation(Phase.ABSENT)

    def submit(self, reach: Reach, inputs: TuningJobInputs, held: Held | None) -> Held | None:
        """Adopt, find or create the job, and write its name into the claim."""
        if held is None:
            raise Transient("the claim of this tuning is gone; run it again")
        if inputs.adopt_job is not None:
            return _read_from(reach, inputs, _adopted(reach, inputs, inputs.adopt_job), held)
        found = submitted(reach, inputs.project, inputs.region, held)
        if found is not None:
            return _noted(reach, held, found)
        if inputs.reuse is Reuse.PROJECT:
            found = reuse.succeeded(reach, inputs.project, inputs.region, inputs.fingerprint)
            if found is not None:
                return _read_from(reach, inputs, found, held)
            if inputs.retrain is Retrain.DENY:
                raise InvalidRequest(NOTHING_TO_REUSE.format(inputs.project))
        held = reach.claims.note(held, operation=STARTING, reads=inputs.custom_base_model or "")
        try:
            job = reach.vertex.jobs.create(inputs.project, inputs.region, _request(inputs, held))
        except REFUSALS as refused:
            reach.claims.note(held, operation="")
            if isinstance(refused, QuotaExceeded):
                raise QuotaExceeded(f"{refused}{queue(reach, inputs.project, inputs.region)}") from refused
            raise
        except Transient:
            # The job may exist all the same: the next look finds it, or the grace period ends.
            return held
        return _noted(reach, held, job)

    def update(
        self, _reach: Reach, _before: Mapping[str, Any], _inputs: TuningJobInputs, _held: Held | None
    ) -> None:
        """Nothing of a job can be changed."""

    def delete(self, reach: Reach, inputs: TuningJobInputs, held: Held | None) -> bool:
        """Cancel what still runs; a succeeded job stays, for whoever asks for the same tuning next."""
        return held is not None and undo(reach, inputs.project, inputs.region, held)


def _read_from(reach: Reach, inputs: TuningJobInputs, job: Job, held: Held) -> Held:
    """Take a job of another owner for ours, and tell its owner first."""
    if readers.root_of(job.output_uri) != inputs.output_uri:
        token = readers.token_of(held, inputs.owner)
        readers.join(reach, inputs, job.output_uri, inputs.fingerprint, token)
    return _noted(reach, held, job)


def _noted(reach: Reach, held: Held, job: Job) -> Held:
    return reach.claims.note(held, resource=job.name, operation="", weights=artifacts.weights_of(job))


def _known(reach: Reach, held: Held, name: str) -> Observation:
    job = reach.vertex.jobs.get(name)
    live = {"job": name, "console": names.tuning_job_console(name)}
    if job is None:
        gone = artifacts.of_gone(reach, held.claim)
        return Observation(gone.phase, {**live, "ended_badly": ""}, gone.reason)
    seen = artifacts.of_job(reach, job) if job.state in (JobState.FAILED, JobState.CANCELLED) else None
    ended_badly, owned = seen.reason if seen else "", held.ours and made_under(job, held.claim)
    return Observation(Phase.READY, {**live, "ended_badly": ended_badly, "owned": owned})


def _adopted(reach: Reach, inputs: TuningJobInputs, name: str) -> Job:
    job = reach.vertex.jobs.get(name)
    if job is None:
        raise NotFound(f"adopt_job: {name} is not there")
    asked = {"base_model": inputs.base_model, "mode": inputs.mode, "epochs": inputs.epochs}
    differing = [
        f"{key} is {getattr(job, key)}, not {value}"
        for key, value in asked.items()
        if getattr(job, key) != value
    ]
    if differing:
        raise InvalidRequest(f"adopt_job: {name} is not what is declared: {'; '.join(differing)}")
    return job


def _request(inputs: TuningJobInputs, held: Held) -> JobRequest:
    return JobRequest(
        display_name=inputs.display_name,
        base_model=inputs.base_model,
        mode=inputs.mode,
        training_uri=inputs.training_uri,
        validation_uri=inputs.validation_uri,
        output_uri=inputs.job_output_uri,
        custom_base_model=inputs.custom_base_model,
        epochs=inputs.epochs,
        learning_rate=inputs.learning_rate,
        learning_rate_multiplier=inputs.learning_rate_multiplier,
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


class TuningJobProvider(Provider[TuningJobInputs]):
    """Pulumi's view of a tuning job."""

    kind = "TuningJob"
    inputs = TuningJobInputs
    external = TuningJobExternal()
    claimed = True
    terminal = frozenset({Phase.READY, Phase.LOST})
    gate = False
    changes = {
        "project": Change.RETRAIN,
        "region": Change.RETRAIN,
        "output_uri": Change.RETRAIN,
        "fingerprint": Change.RETRAIN,
        "base_model": Change.RETRAIN,
        "mode": Change.RETRAIN,
        "epochs": Change.RETRAIN,
        "learning_rate": Change.RETRAIN,
        "learning_rate_multiplier": Change.RETRAIN,
        "adapter_size": Change.RETRAIN,
        "batch_size": Change.RETRAIN,
        "custom_base_model": Change.RETRAIN,
        "adopt_job": Change.RETRAIN,
        "labels": Change.NONE,  # a job's labels and name cannot be changed once it is submitted
        "display_name": Change.NONE,
        "service_account": Change.NONE,  # says who trained, not what was trained
        "kms_key": Change.NONE,
        "retrain": Change.NONE,
        "reuse": Change.NONE,  # says how the next one is looked for
        "billed_tokens": Change.NONE,
        "price": Change.NONE,
    }

    def identity(self, inputs: TuningJobInputs) -> str:
        """The fingerprint: one job for each."""
        return inputs.fingerprint

    def bound_by(self, inputs: TuningJobInputs) -> str:
        """Its own claim: TunedModel, which waits for the job, enforces the same one."""
        return artifacts.job_key(inputs.fingerprint)

    def overdue(self, reach: Reach, inputs: TuningJobInputs, held: Held | None, _seen: Observation) -> str:
        """Nothing is submitted any more; what a submission that was cut off made is cancelled."""
        return ended_early(reach, inputs, held)

    def goes_on(self, inputs: TuningJobInputs) -> str:
        """The tuning's size; an adopted job has been paid for."""
        return self._cost(inputs) if inputs.adopt_job is None else super().goes_on(inputs)

    def _cost(self, inputs: TuningJobInputs) -> str:
        return cost.tuning(
            inputs.base_model, inputs.mode.value, inputs.epochs, inputs.billed_tokens, inputs.price
        )

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """As everywhere; what was paid for already is looked for in preview, and told with its owner."""
        found = super().check(olds, news)
        if news.get("adopt_job") or not looks.made_anew(olds, found):
            return found
        inputs = self._parsed(news)
        standing = self._standing(inputs)
        never_pays = inputs.reuse is Reuse.PROJECT and inputs.retrain is Retrain.DENY
        if standing == "" and never_pays:
            return CheckResult(news, [CheckFailure("reuse", NOTHING_TO_REUSE.format(inputs.project))])
        process.say(inputs.urn, standing or self._cost(inputs))
        return found

    def _standing(self, inputs: TuningJobInputs) -> str | None:
        """What would be used instead of paying, in one line; ``None`` when it could not be looked at."""
        return self.asked(inputs, lambda reach: reuse.standing(reach, inputs, self._held(reach, inputs, "")))

    def deleted(self, reach: Reach, inputs: TuningJobInputs, before: Mapping[str, Any], token: str) -> None:
        """Tell the owner of a job that was reused or adopted that it is read no more."""
        job = reach.vertex.jobs.get(str(before["job"])) if before.get("job") else None
        if job is not None and readers.root_of(job.output_uri) != inputs.output_uri:
            readers.leave(reach, job.output_uri, inputs.fingerprint, token)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """As everywhere, but a re-train that the spec denies fails the preview.

        With ``reuse: project``, ``check`` says it.
        """
        found = super().diff(_id, olds, news)
        denied = news.get("retrain") == Retrain.DENY.value and not news.get("adopt_job")
        if not found.replaces or not denied or news.get("reuse") == Reuse.PROJECT.value:
            return found
        if not self._standing(self._parsed(news)):
            raise InvalidRequest(
                f"service {news.get('service')}: {', '.join(found.replaces)} changed, which would tune again "
                "and cost money; retrain is 'deny'. Take the change back or set retrain: allow"
            )
        return found


class TuningJob(Declared, module="vertex", name="TuningJob"):
    """A supervised tuning of an open model. Returns when it is submitted; TunedModel waits."""

    provider = TuningJobProvider

    job: Output[str]
    console: Output[str]
    ended_badly: Output[str]
    owned: Output[bool]
