"""TunedModel: the gate that opens when the weights are ready, and their lineage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pulumi import Output
from pulumi.dynamic import CheckResult

from ... import checkpoints, cost, lineage
from ...lifecycle import (
    NOWHERE,
    Change,
    Context,
    Declared,
    Observation,
    Phase,
    Provider,
    Refusal,
    facts,
    orphaned,
    process,
)
from ...permissions import methods
from ...pricing import Book, Estimate
from ...vertex.claim import HeldClaim
from .._shared import preview
from .._tuning import artifacts, consumers, costs, provenance
from .._tuning.retention import ending, in_use, kept, weights
from .._tuning.submission import ended_early, record
from . import retry
from .inputs import TunedModelInputs


class TunedModelExternal:
    """The job's end, the jobs that follow it if it failed, the weights, their lineage, and their copy."""

    waits_in_line = True

    def observe(self, context: Context, inputs: TunedModelInputs, _held: HeldClaim | None) -> Observation:
        """Ready when the weights are where Vertex AI puts them, with their lineage, and copied if asked."""
        seen = _look(context, inputs)
        if seen.phase is not Phase.READY:
            return seen
        if _to_write(context, inputs, seen) is not None:
            return Observation(Phase.PARTIAL, seen.live, "the lineage is still to be written down")
        if inputs.export_uri is not None:
            left = _uncopied(context, str(seen.live["artifacts_uri"]), inputs.export_uri)
            if left:
                return Observation(Phase.PARTIAL, seen.live, f"{len(left)} files are still to be exported")
        # Not under the input's name: an output that differs from what its preview says violates a saved plan.
        live = {**seen.live, "provenance": provenance.told(context, inputs.lineage, seen)}
        return Observation(Phase.READY, live, seen.reason)

    def submit(self, context: Context, inputs: TunedModelInputs, held: HeldClaim | None) -> HeldClaim | None:
        """Submit the job that follows a failed one, write the lineage, or copy what the export lacks."""
        seen = _look(context, inputs)
        if seen.phase in (Phase.ABSENT, Phase.PARTIAL) and inputs.again is not None:
            retry.submit(context, inputs.again, seen.reason, inputs.urn)
            return held
        if seen.phase is Phase.READY and (whole := _to_write(context, inputs, seen)) is not None:
            uri = lineage.uri_of(str(seen.live["artifacts_uri"]))
            context.vertex.storage.write(uri, msgspec.json.encode(whole), if_generation=0)
        if inputs.export_uri is not None and seen.phase is Phase.READY:
            source = str(seen.live["artifacts_uri"])
            for name in _uncopied(context, source, inputs.export_uri):
                context.vertex.storage.copy(f"{source}/{name}", f"{inputs.export_uri}/{name}", context.go_on)
        return held

    def update(
        self, context: Context, _before: Mapping[str, Any], inputs: TunedModelInputs, _held: HeldClaim | None
    ) -> None:
        """The look that follows is the update; another ``export_uri`` is filled by it."""
        if inputs.fingerprint is not None:
            record(context, inputs.owner, inputs.fingerprint)

    def delete(self, context: Context, inputs: TunedModelInputs, _held: HeldClaim | None) -> bool:
        """Weights are kept unless ``delete_artifacts`` says otherwise; what is in use always is, and told."""
        if not inputs.delete_artifacts or inputs.fingerprint is None:
            return False
        # Marked before it is looked who uses them: whoever wants them from now on waits, and finds none.
        output = ending(context, inputs.owner, inputs.fingerprint)
        folder = checkpoints.folder_of(output) if output else ""
        users = in_use(context, inputs.fingerprint, folder, inputs.owner) if folder else []
        if users:
            process.say(inputs.urn, kept(checkpoints.uri_of(output), users), warning=True)
            record(context, inputs.owner, inputs.fingerprint)
        elif output:
            for uri in weights(context, output):
                context.vertex.storage.delete(uri)
            context.vertex.storage.delete(lineage.uri_of(output))
        return False


def _look(context: Context, inputs: TunedModelInputs) -> Observation:
    seen = artifacts.look(
        context,
        fingerprint=inputs.fingerprint,
        weights_uri=inputs.weights_uri,
        retry=inputs.retry,
        checkpoint=inputs.checkpoint,
    )
    if inputs.fingerprint is None or seen.phase not in (Phase.PENDING, Phase.FAILED):
        return seen
    return retry.look(context, inputs.fingerprint, inputs.owner, inputs.again, inputs.retry) or seen


def _to_write(context: Context, inputs: TunedModelInputs, seen: Observation) -> lineage.Lineage | None:
    if inputs.fingerprint is None:
        return None
    return provenance.to_write(context, inputs, inputs.fingerprint, lineage.of_inputs(inputs.lineage), seen)


def _uncopied(context: Context, source: str, target: str) -> list[str]:
    there = {
        blob.uri.removeprefix(f"{target}/"): blob.crc32c for blob in context.vertex.storage.listed(target)
    }
    return [
        name
        for blob in context.vertex.storage.listed(source)
        if there.get(name := blob.uri.removeprefix(f"{source}/")) != blob.crc32c
    ]


def of_retries(book: Book, model: Mapping[str, Any], _service: Mapping[str, Mapping[str, Any]]) -> Estimate:
    """Every job that may follow a failed one."""
    attempts = int((model.get("retry") or {}).get("attempts", 1))
    again = costs.training(book, model.get("again")) * (attempts - 1)
    return Estimate(currency=book.currency, again=again)


class TunedModelProvider(Provider[TunedModelInputs]):
    """Pulumi's view of a tuned model."""

    kind = "TunedModel"
    inputs = TunedModelInputs
    external = TunedModelExternal()
    claimed = True
    section = ""
    judged = facts.Judged(
        regions=(),
        machines=(),
        models=(),
        max_epochs=(),
        max_replicas=(),
        required_labels=(),
        private_endpoints=(),
        evaluation_commands=(),
    )
    reports = ("wait",)
    orphans = orphaned.none
    ids = (("jobs", "job"),)
    calls = (
        *methods("GenAiTuningService", "CreateTuningJob GetTuningJob ListTuningJobs CancelTuningJob"),
        *methods("MetadataService", "GetContext"),
        *methods("TensorboardService", "ListTensorboardRuns ListTensorboardTimeSeries"),
        *methods("TensorboardService", "BatchReadTensorboardTimeSeriesData"),
        *methods("storage.objects", "get insert rewrite list delete"),
    )
    costs = of_retries
    parts = (facts.Part("model", TunedModelInputs.planned, after=("readiness", "job")),)
    changes = {
        "project": Change.MOVE.because("another project's job", key=NOWHERE),
        "region": Change.NONE.because("weights are in their bucket, wherever they were tuned", key=NOWHERE),
        "fingerprint": Change.MOVE.because("other weights", key=NOWHERE),
        "weights_uri": Change.MOVE.because("other weights", key="artifacts_uri"),
        "output_uri": Change.MOVE.because("the weights of the new folder"),
        "checkpoint": Change.IN_PLACE.because("other weights of the same job", key="serving.checkpoint"),
        "export_uri": Change.IN_PLACE.because("the copy is made there"),
        "delete_artifacts": Change.IN_PLACE.because("has to be in the state before a destroy"),
        "again": Change.FOLLOWS.because("what the job is made of"),
        "lineage": Change.FOLLOWS.because("the fingerprint; it says where the weights came from"),
        "promoted_job": Change.FOLLOWS.because("the weights"),
        "retry": Change.NONE.because(
            "says what follows a failure, which is nothing with retrain: deny", key="tuning.retry"
        ),
        "price": Change.NONE.because("is for messages", key=NOWHERE),
        "in_preview": Change.NONE.because("says when it is looked at", key=NOWHERE),
    }

    @classmethod
    def edits(
        cls, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any, Any, Change]]:
        """Another attempt, which only the lineage names."""
        was, now = ((side.get("lineage") or {}).get("attempt", 1) for side in (before, after))
        if was != now:
            yield "tuning.attempt", was, now, Change.RETRAIN

    def bound_by(self, inputs: TunedModelInputs) -> str | None:
        """The claim of the job that makes the weights: the job is what bills."""
        return artifacts.job_key(inputs.fingerprint) if inputs.fingerprint is not None else None

    def overdue(
        self, context: Context, inputs: TunedModelInputs, _held: HeldClaim | None, seen: Observation
    ) -> str | None:
        """The job is cancelled; weights that are there and only wait to be exported are ready enough."""
        if inputs.fingerprint is None or "artifacts_uri" in seen.live:
            return None
        job = context.claims.read(artifacts.job_key(inputs.fingerprint), "")
        return ended_early(context, inputs, job)

    def _settled(self, context: Context, inputs: TunedModelInputs, held: HeldClaim | None) -> Observation:
        seen = super()._settled(context, inputs, held)
        if seen.phase is Phase.READY and seen.reason:
            process.say(inputs.urn, seen.reason, warning=True)
        return seen

    def billing_line(self, inputs: TunedModelInputs) -> str:
        """What a failure that the policy covers may cost; of promoted weights, whose they are."""
        made_by = lineage.of_inputs(inputs.lineage)
        if inputs.promoted_job is not None and made_by is not None:
            return cost.uses(inputs.promoted_job, made_by.owner)
        if inputs.retry is None or inputs.again is None:
            return ""
        return f"may {cost.again(inputs.retry.attempts, inputs.retry.on, inputs.again.price)}"

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Given weights, or a checkpoint, that are not there fail the preview."""
        found = super().check(olds, news)
        if not found.failures and news.get("checkpoint") != olds.get("checkpoint") and preview.known(news):
            refused = self._missing_checkpoint(self._parsed(news))
            if refused:
                return CheckResult(news, [Refusal("checkpoint", refused)])
        if not preview.made_anew(olds, found):
            return found
        inputs = self._parsed(news)
        given = inputs.weights_uri
        if given is None or not inputs.in_preview:
            return found
        missing = self.asked(inputs, lambda context: artifacts.missing(context, given))
        return CheckResult(news, [Refusal("weights_uri", missing)]) if missing else found

    def _missing_checkpoint(self, inputs: TunedModelInputs) -> str:
        """Why a job that has ended lacks the checkpoint, with those that it has; empty if it may come."""
        if inputs.checkpoint is None or not inputs.in_preview:
            return ""
        seen = self.asked(inputs, lambda context: _look(context, inputs))
        ended = seen is not None and seen.phase is Phase.FAILED and "artifacts_uri" in seen.live
        return f"serving.checkpoint: {seen.reason}" if seen is not None and ended else ""

    def prepare(self, context: Context, inputs: TunedModelInputs) -> Mapping[str, Any]:
        """Write down that the state holds the job, and tell the owner of promoted weights who reads them."""
        if inputs.fingerprint is not None:
            record(context, inputs.owner, inputs.fingerprint)
        made_by = lineage.of_inputs(inputs.lineage)
        if inputs.promoted_job is not None and inputs.weights_uri is not None and made_by is not None:
            token = consumers.token_of(context.claims.read(self._key(inputs), ""), inputs.owner)
            consumers.join(context, inputs, inputs.weights_uri, made_by.fingerprint, token)
        return {}

    def deleted(
        self, context: Context, inputs: TunedModelInputs, _before: Mapping[str, Any], token: str
    ) -> None:
        """Tell the owner of promoted weights that they are read no more."""
        made_by = lineage.of_inputs(inputs.lineage)
        if inputs.promoted_job is not None and inputs.weights_uri is not None and made_by is not None:
            consumers.leave(context, inputs.weights_uri, made_by.fingerprint, token)

    def running_cost(self, inputs: TunedModelInputs) -> str:
        """What it waits for is the tuning job, which TuningJob has told the size of."""
        return f"is paid for to its end; {f'about {inputs.price}' if inputs.price else 'price unknown'}"

    def left_to_others(self, context: Context, inputs: TunedModelInputs, token: str) -> bool:
        """Also reports weights that another stack keeps."""
        held = self._held(context, inputs, token)
        others = sorted({waiter.owner for waiter in held.claim.waiters} - {inputs.owner}) if held else []
        left = super().left_to_others(context, inputs, token)
        if left and others and inputs.delete_artifacts:
            process.say(inputs.urn, kept("this tuning", others), warning=True)
        return left

    @classmethod
    def claim_of(cls, name: str, _owner: str) -> str:
        """The weights."""
        return f"the tuned model {name}"

    def identity(self, inputs: TunedModelInputs) -> str:
        """The tuning's fingerprint, or the folder of given weights."""
        return inputs.fingerprint or inputs.weights_uri or ""


class TunedModel(Declared, module="vertex", name="TunedModel"):
    """Tuned weights in Cloud Storage, ready to be served or exported."""

    provider = TunedModelProvider

    artifacts_uri: Output[str]
    job: Output[str]
    lineage: Output[dict[str, Any]]
    provenance: Output[dict[str, Any]]
    phase: Output[str]
