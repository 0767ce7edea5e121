"""TuningJob: at most one job per fingerprint, submitted under a claim, never awaited here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import Output
from pulumi.dynamic import CheckResult, DiffResult, ReadResult, UpdateResult

from ... import cost
from ...lifecycle import (
    HALF_DELETED,
    NOWHERE,
    Change,
    Context,
    Declared,
    Observation,
    Phase,
    Provider,
    Refusal,
    facts,
    process,
    told,
)
from ...lifecycle.states import upgraded
from ...permissions import methods
from ...specs import Retrain, Reuse
from ...vertex.claim import HeldClaim
from ...vertex.errors import InvalidRequest
from ...vertex.memo import anew
from .._shared import preview
from .._tuning import artifacts, consumers, costs
from .._tuning.inputs import TuningJobInputs
from .._tuning.submission import ended_early
from . import reclaim, reuse
from .external import TuningJobExternal
from .orphans import orphans


class TuningJobProvider(Provider[TuningJobInputs]):
    """Pulumi's view of a tuning job."""

    kind = "TuningJob"
    inputs = TuningJobInputs
    external = TuningJobExternal()
    claimed = True
    shared = True
    terminal = frozenset({Phase.READY, Phase.LOST})
    gate = False
    section = "tuning"
    judged = facts.Judged(
        regions=("region", "fallback_region"),
        machines=(),
        models=("base_model",),
        max_epochs=("epochs",),
        max_replicas=(),
        required_labels=("labels",),
        private_endpoints=(),
        evaluation_commands=(),
    )
    orphans = orphans
    ids = (("jobs", "job"),)
    calls = (
        *methods("GenAiTuningService", "CreateTuningJob GetTuningJob ListTuningJobs CancelTuningJob"),
        *methods("ModelService", "GetModel DeleteModel"),
        *methods("Operations", "GetOperation"),
        *methods("storage.objects", "get insert list delete"),
    )
    costs = costs.of_job
    parts = (
        facts.Part("job", TuningJobInputs.planned, after=("readiness", "training-data", "validation-data")),
    )
    changes = {
        "project": Change.RETRAIN.because(
            "a job is a project's; one that was paid for is found below output_uri"
        ),
        "region": Change.NONE.because(
            "says where a next job is tuned; one that was paid for keeps its weights", key="tuning.location"
        ),
        "fallback_region": Change.NONE.because("says where a next job is tuned", key=NOWHERE),
        "output_uri": Change.RETRAIN.because(
            "weights belong to their folder; reuse: project finds those of others"
        ),
        "fingerprint": Change.RETRAIN.because(
            "other data, or another attempt, make other weights", key=NOWHERE
        ),
        "base_model": Change.RETRAIN.because("another model"),
        "mode": Change.RETRAIN.because("all weights or an adapter: other weights"),
        "epochs": Change.RETRAIN.because("a hyper-parameter makes other weights"),
        "learning_rate": Change.RETRAIN.because("a hyper-parameter makes other weights"),
        "adapter_size": Change.RETRAIN.because("a hyper-parameter makes other weights"),
        "batch_size": Change.RETRAIN.because("a hyper-parameter makes other weights"),
        "teacher": Change.RETRAIN.because(
            "another teacher gives other answers to learn", key="tuning.distillation"
        ),
        "custom_base_model": Change.RETRAIN.because("tuning goes on from other weights"),
        "adopt_job": Change.RETRAIN.because(
            "another job's weights, or one's own instead: it is in the fingerprint"
        ),
        "training_uri": Change.FOLLOWS.because("the content is in the fingerprint"),
        "validation_uri": Change.FOLLOWS.because("the content is in the fingerprint"),
        "job_output_uri": Change.FOLLOWS.because("output_uri and fingerprint"),
        "owner_label": Change.FOLLOWS.because("the owner"),
        "labels": Change.NONE.because("a job's labels cannot be changed once it is submitted"),
        "display_name": Change.NONE.because("a job's name cannot be changed once it is submitted"),
        "service_account": Change.NONE.because("says who trains, not what is trained"),
        "kms_key": Change.NONE.because("says how a next job's output is encrypted"),
        "retrain": Change.NONE.because("says what the next edit may cost"),
        "reuse": Change.NONE.because("says how the next one is looked for"),
        "live_data": Change.NONE.because("says how the data are read", key=NOWHERE),
        "billed_tokens": Change.FOLLOWS.because("data and epochs"),
        "price": Change.NONE.because("is for messages", key=NOWHERE),
        "in_preview": Change.NONE.because("says when it is looked at", key=NOWHERE),
    }

    def identity(self, inputs: TuningJobInputs) -> str:
        """The fingerprint: one job for each."""
        return inputs.fingerprint

    def bound_by(self, inputs: TuningJobInputs) -> str:
        """Its own claim: TunedModel, which waits for the job, enforces the same one."""
        return artifacts.job_key(inputs.fingerprint)

    def overdue(
        self, context: Context, inputs: TuningJobInputs, held: HeldClaim | None, _seen: Observation
    ) -> str:
        """Nothing is submitted any more; what a submission that was cut off made is cancelled."""
        return ended_early(context, inputs, held)

    def running_cost(self, inputs: TuningJobInputs) -> str:
        """The tuning's size; an adopted job has been paid for."""
        return self._cost(inputs) if inputs.adopt_job is None else super().running_cost(inputs)

    def _cost(self, inputs: TuningJobInputs) -> str:
        return cost.tuning(
            inputs.base_model, inputs.mode.value, inputs.epochs, inputs.billed_tokens, inputs.price
        )

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Also finds a paid job in preview, and reports it with its owner."""
        found = super().check(olds, news)
        if news.get("adopt_job") or not preview.made_anew(olds, found):
            return found
        inputs = self._parsed(news)
        standing = self._standing(inputs)
        if standing is not None and standing.refused:
            return CheckResult(news, [Refusal(standing.key, standing.refused)])
        process.say(inputs.urn, standing.uses if standing and standing.uses else self._cost(inputs))
        return found

    def prepare(self, context: Context, inputs: TuningJobInputs) -> Mapping[str, Any]:
        """Take no weights up that were tuned on other data than there are now."""
        overwritten = reuse.overwritten(context, inputs, self._held(context, inputs, ""))
        if overwritten and inputs.adopt_job is None:
            raise InvalidRequest(overwritten)
        return {}

    def _standing(self, inputs: TuningJobInputs) -> reuse.Standing | None:
        """What a create would come to; ``None`` when it could not be looked at."""
        return self.asked(
            inputs, lambda context: reuse.standing(context, inputs, self._held(context, inputs, ""))
        )

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """End the job with its service; one whose claim is gone is found by the name in the state."""
        before = upgraded(props)
        inputs = self._written(before)
        with anew():
            if before.get("job") and before.get("token"):
                with told(self.kind, inputs, HALF_DELETED):
                    context = self._to_delete(inputs)
                    if self._held(context, inputs, "") is None:
                        reclaim.end(context, inputs, str(before["job"]))
            super().delete(id_, props)

    def deleted(
        self, context: Context, inputs: TuningJobInputs, before: Mapping[str, Any], token: str
    ) -> None:
        """Tell the owner of a job that was reused or adopted that it is read no more."""
        job = context.vertex.jobs.get(str(before["job"])) if before.get("job") else None
        if job is not None and (made_for := consumers.claimed_elsewhere(job, inputs)):
            consumers.leave(context, job.output_uri, made_for, token)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A re-train that the spec denies fails the preview.

        What was lost is replaced, and so told with its cost, unless its job is there without its claim.
        With ``reuse: project``, ``check`` says what is denied.
        """
        olds = upgraded(olds)
        found = super().diff(_id, olds, news)
        lost = not found.replaces and reclaim.lost(olds) and self._lost(olds, news)
        if lost:
            found = DiffResult(changes=True, replaces=["fingerprint"], delete_before_replace=False)
        denied = news.get("retrain") == Retrain.DENY.value and not news.get("adopt_job")
        if not denied or news.get("reuse") == Reuse.PROJECT.value:
            return found
        why = reclaim.GONE.format(olds["job"]) if lost else self._pays_again(news, found)
        if why:
            raise InvalidRequest(
                f"service {news.get('service')}: {why}; retrain is 'deny'. "
                "Take the change back or set retrain: allow"
            )
        return found

    def _lost(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
        """Whether neither the claim nor the job is there; what could not be looked at may be."""

        def gone(context: Context) -> bool:
            claim = self._held(context, self._parsed(news), "")
            return claim is None and reclaim.left(context, olds) is None

        return preview.known(news) and bool(self.asked(self._parsed(news), gone))

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Recreates a lost claim first, so that no update pays for a second job."""
        if reclaim.lost(olds):
            inputs = self._parsed(news)
            with told(self.kind, inputs):
                reclaim.again(self._context(inputs), inputs, upgraded(olds))
        return super().update(id_, olds, news)

    def _pays_again(self, news: dict[str, Any], found: DiffResult) -> str:
        """Why a replacement would be paid for, as far as it can be looked at; empty when it would not."""
        if not found.replaces:
            return ""
        standing = self._standing(self._parsed(news)) if preview.known(news) else None
        if standing is not None and standing.uses:
            return ""
        why = (
            "and it could not be looked at whether that is paid for already"
            if standing is None
            else standing.refused or "which would tune again and cost money"
        )
        return f"{', '.join(found.replaces)} changed, {why}"

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Keeps the old job's name, so that a new job shows as a replacement."""
        props = upgraded(props)
        found = super().read(id_, props)
        seen = found.outs or {}
        gone = seen.get("phase") == Phase.ABSENT and props.get("job")
        return ReadResult(id_, {**seen, "job": props["job"]}) if gone else found


class TuningJob(Declared, module="vertex", name="TuningJob"):
    """A supervised tuning of an open model. Returns when it is submitted; TunedModel waits."""

    provider = TuningJobProvider

    job: Output[str]
    console: Output[str]
    ended_badly: Output[str]
    owned: Output[bool]
