"""TuningDataset: a local JSONL file at a content-addressed object, or a copy of a user's object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi import Output
from pulumi.dynamic import CheckResult, ReadResult

from ...dataset import Dataset
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
from ...sources import as_typed
from ...specs import is_gcs
from ...vertex.claim import HeldClaim
from ...vertex.errors import InvalidRequest
from .._shared import preview
from .._tuning import pinned_data
from . import checks
from .inputs import TuningDatasetInputs


class TuningDatasetExternal:
    """The object in Cloud Storage."""

    waits_in_line = False

    def observe(self, context: Context, inputs: TuningDatasetInputs, _held: HeldClaim | None) -> Observation:
        """Ready when the bytes that a job is to read are there; ``live`` says which they are."""
        if is_gcs(inputs.source):
            return _copied(context, inputs)
        blob = context.vertex.storage.stat(inputs.uri)
        if blob is None:
            return Observation(Phase.ABSENT)
        live = {"generation": str(blob.generation), "crc32c": blob.crc32c, "bytes": blob.size}
        if inputs.crc32c is not None and blob.crc32c != inputs.crc32c:
            return Observation(
                Phase.FAILED,
                {**live, "crc32c": inputs.crc32c},
                f"{inputs.uri} does not hold the bytes of {as_typed(inputs.source)} that it is named after "
                f"(crc32c {blob.crc32c}, not {inputs.crc32c}): remove it (gcloud storage rm {inputs.uri}), "
                "run again",
            )
        return Observation(Phase.READY, live)

    def submit(
        self, context: Context, inputs: TuningDatasetInputs, held: HeldClaim | None
    ) -> HeldClaim | None:
        """Copy, or upload; the object's name is its content, so an equal one is left as it is."""
        if is_gcs(inputs.source):
            _validated_copy(context, inputs)
            return held
        path = Path(inputs.source)
        if not path.is_file():
            raise InvalidRequest(f"{as_typed(inputs.source)} has been moved or deleted since the preview")
        blob = context.vertex.storage.upload(path, inputs.uri)
        if inputs.crc32c is not None and blob.crc32c != inputs.crc32c:
            context.vertex.storage.remove(inputs.uri, if_generation=blob.generation)
            source = as_typed(inputs.source)
            raise InvalidRequest(
                f"{source} was edited after it had been read, and was not kept: run it again"
            )
        return held

    def update(
        self,
        _context: Context,
        _before: Mapping[str, Any],
        _inputs: TuningDatasetInputs,
        _held: HeldClaim | None,
    ) -> None:
        """Nothing can change in place: another content is another object."""

    def delete(self, _context: Context, _inputs: TuningDatasetInputs, _held: HeldClaim | None) -> bool:
        """Kept: other services and the lineage of tuned models refer to it."""
        return False


def _copied(context: Context, inputs: TuningDatasetInputs) -> Observation:
    pinned = pinned_data.pin(context, inputs.output_uri, inputs.pinned_source)
    if pinned is None:
        return Observation(Phase.FAILED, reason=f"{inputs.source} is not there")
    copy = context.vertex.storage.stat(pinned.copy)
    if copy is None:
        there = context.vertex.storage.stat(pinned.source) is not None
        return Observation(Phase.ABSENT) if there else _gone(pinned)
    live = {"generation": pinned.generation, "crc32c": copy.crc32c, "bytes": copy.size, "copy": copy.uri}
    now = context.vertex.storage.stat(pinned.uri) if inputs.pinned_source != inputs.source else None
    if now is None or now.crc32c == copy.crc32c:
        return Observation(Phase.READY, live)
    return Observation(
        Phase.READY,
        live,
        f"{pinned.uri} was overwritten (generation {now.generation}) since {pinned.source} was pinned, which "
        "is what is tuned on: set attempt one higher to tune on it as it is now",
    )


def _gone(pinned: pinned_data.Pinned) -> Observation:
    return Observation(Phase.FAILED, reason=f"{pinned.source} is not there")


def _validated_copy(context: Context, inputs: TuningDatasetInputs) -> Dataset | None:
    """Read one generation of an object line by line, and copy it if it is right; ``None`` if none is."""
    pinned = pinned_data.pin(context, inputs.output_uri, inputs.pinned_source)
    if pinned is None:
        return None
    kept = context.vertex.storage.stat(pinned.copy) is not None
    blob = context.vertex.storage.stat(pinned.copy if kept else pinned.source)
    if blob is None:
        return None
    found = checks.of_object(context, inputs, blob)
    if found.problems:
        raise InvalidRequest("; ".join(found.problems))
    if not kept:
        context.vertex.storage.copy(pinned.source, pinned.copy, context.go_on)
    if "#" not in inputs.source:
        pinned_data.record(context, inputs.owner, pinned)
    return found.dataset


class TuningDatasetProvider(Provider[TuningDatasetInputs]):
    """Pulumi's view of a dataset."""

    kind = "TuningDataset"
    inputs = TuningDatasetInputs
    external = TuningDatasetExternal()
    section = "tuning"
    judged = facts.Judged(
        regions=("region",),
        machines=(),
        models=(),
        max_epochs=(),
        max_replicas=(),
        required_labels=(),
        private_endpoints=(),
        evaluation_commands=(),
    )
    orphans = orphaned.none
    calls = (*methods("storage.objects", "get insert rewrite list"),)
    costs = facts.free
    parts = (
        facts.Part("training-data", TuningDatasetInputs.training, after=("readiness",)),
        facts.Part("validation-data", TuningDatasetInputs.validation, after=("readiness",)),
    )
    changes = {
        "project": Change.MOVE.because("another project's data", key=NOWHERE),
        "uri": Change.MOVE.because("the job reads another object", key=NOWHERE),
        "content": Change.MOVE.because("other bytes are another object", key=NOWHERE),
        "tuning": Change.MOVE.because(
            "the next tuning looks anew at an object that may be overwritten", key=NOWHERE
        ),
        "region": Change.NONE.because("a bucket has its own", key=NOWHERE),
        "output_uri": Change.FOLLOWS.because("uri lies below it"),
        "source": Change.FOLLOWS.because("content; an unchanged file under a new name is no change"),
        "crc32c": Change.FOLLOWS.because("content says it"),
        "generation": Change.FOLLOWS.because("an earlier look has found it; it is not declared"),
        "format": Change.FOLLOWS.because("content says it"),
        "examples": Change.FOLLOWS.because("content says it"),
        "characters": Change.FOLLOWS.because("content says it"),
        "estimated_tokens": Change.FOLLOWS.because("content says it"),
        "in_preview": Change.NONE.because("says when it is looked at", key=NOWHERE),
        "bytes": Change.FOLLOWS.because("content says it"),
        "training_source": Change.FOLLOWS.because(
            "the training data, which validation data are held against"
        ),
        "training_bytes": Change.FOLLOWS.because("the training data say it"),
        "training_format": Change.FOLLOWS.because("the training data say it"),
        "base_model": Change.FOLLOWS.because("the job's, which images are held against"),
        "images": Change.FOLLOWS.because("content names them"),
    }

    def identity(self, inputs: TuningDatasetInputs) -> str:
        """The object that the job reads."""
        return inputs.uri

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse in preview what the data say against a tuning, as far as Cloud Storage has to be asked."""
        found = super().check(olds, news)
        if not preview.made_anew(olds, found):
            return found
        inputs = self._parsed(news)
        if not inputs.in_preview or not inputs.asks_storage:
            return found
        seen = self.asked(inputs, lambda context: checks.in_preview(context, inputs))
        for warning in seen.warnings if seen else ():
            process.say(inputs.urn, warning, warning=True)
        problems = seen.problems if seen else []
        return CheckResult(news, [Refusal("source", problem) for problem in problems])

    def prepare(self, context: Context, inputs: TuningDatasetInputs) -> Mapping[str, Any]:
        """Read an object of the user's line by line, as a local file is read in the program."""
        if not is_gcs(inputs.source):
            if inputs.asks_storage and (problems := checks.in_preview(context, inputs).problems):
                raise InvalidRequest("; ".join(problems))
            return {}
        found = _validated_copy(context, inputs)
        if found is None:
            return {}
        return {
            "format": found.format.value,
            "examples": found.examples,
            "characters": found.characters,
            "estimated_tokens": found.estimated_tokens,
        }

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Also reports an overwritten object; the pinned copy stays."""
        found = super().read(id_, props)
        outputs: Mapping[str, Any] = found.outs or {}
        if outputs.get("reason"):
            process.say(str(outputs.get("urn", "")), str(outputs["reason"]), warning=True)
        return found


class TuningDataset(Declared, module="vertex", name="TuningDataset"):
    """Examples to tune on, validated, counted and identified by content."""

    provider = TuningDatasetProvider

    uri: Output[str]
    generation: Output[str]
    crc32c: Output[str]
    examples: Output[int]
    estimated_tokens: Output[int]
