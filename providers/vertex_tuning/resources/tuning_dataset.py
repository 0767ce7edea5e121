"""TuningDataset: a local JSONL file at a content-addressed object, or a copy of a user's object."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi import Output
from pulumi.dynamic import CheckFailure, CheckResult, ReadResult

from ..dataset import Dataset, Inspection, inspect
from ..lifecycle import Change, Declared, Observation, Phase, Provider, Reach, ResourceInputs, process
from ..sources import as_typed
from ..specs import CountOrZero, DataSource, is_gcs
from ..vertex.claim import Held
from ..vertex.errors import InvalidRequest
from . import looks, pinning

PREVIEW_BYTES = 16 * 2**20
"""An object up to this size is read in preview; a larger one only by an `up`."""


class TuningDatasetInputs(ResourceInputs):
    """One file of examples.

    Attributes:
        source: local path or ``gs://BUCKET/OBJECT[#GENERATION]``.
        content: identity of the bytes; for Cloud Storage the URI, because the bytes are not here.
        uri: where the tuning job reads it; for an object without ``#GENERATION`` it reads a copy, ``copy``.
        crc32c: of a local file, as it was read in the program.
        tuning: fingerprint of the tuning, for an object without ``#GENERATION``: the next one looks anew.
        generation: which generation an earlier look has pinned; read from the state.
        in_preview: look at an object in preview already.
    """

    source: DataSource
    content: str
    uri: str
    crc32c: str | None = None
    tuning: str | None = None
    generation: str | None = None
    format: str | None = None
    examples: CountOrZero | None = None
    characters: CountOrZero | None = None
    estimated_tokens: CountOrZero | None = None
    in_preview: bool = True

    @property
    def pinned_source(self) -> str:
        """The object, in the generation that is known."""
        known = self.generation and "#" not in self.source
        return f"{self.source}#{self.generation}" if known else self.source


class TuningDatasetExternal:
    """The object in Cloud Storage."""

    waits_in_line = False

    def observe(self, reach: Reach, inputs: TuningDatasetInputs, _held: Held | None) -> Observation:
        """Ready when the bytes that a job is to read are there; ``live`` says which they are."""
        if is_gcs(inputs.source):
            return _copied(reach, inputs)
        blob = reach.vertex.storage.stat(inputs.uri)
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

    def submit(self, reach: Reach, inputs: TuningDatasetInputs, held: Held | None) -> Held | None:
        """Copy, or upload; the object's name is its content, so an equal one is left as it is."""
        if is_gcs(inputs.source):
            _validated_copy(reach, inputs)
            return held
        path = Path(inputs.source)
        if not path.is_file():
            raise InvalidRequest(f"{as_typed(inputs.source)} has been moved or deleted since the preview")
        blob = reach.vertex.storage.upload(path, inputs.uri)
        if inputs.crc32c is not None and blob.crc32c != inputs.crc32c:
            reach.vertex.storage.remove(inputs.uri, if_generation=blob.generation)
            source = as_typed(inputs.source)
            raise InvalidRequest(
                f"{source} was edited after it had been read, and was not kept: run it again"
            )
        return held

    def update(
        self, _reach: Reach, _before: Mapping[str, Any], _inputs: TuningDatasetInputs, _held: Held | None
    ) -> None:
        """Nothing can change in place: another content is another object."""

    def delete(self, _reach: Reach, _inputs: TuningDatasetInputs, _held: Held | None) -> bool:
        """Kept: other services and the lineage of tuned models refer to it."""
        return False


def _copied(reach: Reach, inputs: TuningDatasetInputs) -> Observation:
    pinned = pinning.pin(reach, inputs.output_uri, inputs.pinned_source)
    if pinned is None:
        return Observation(Phase.FAILED, reason=f"{inputs.source} is not there")
    copy = reach.vertex.storage.stat(pinned.copy)
    if copy is None:
        there = reach.vertex.storage.stat(pinned.source) is not None
        return Observation(Phase.ABSENT) if there else _gone(pinned)
    live = {"generation": pinned.generation, "crc32c": copy.crc32c, "bytes": copy.size, "copy": copy.uri}
    now = reach.vertex.storage.stat(pinned.uri) if inputs.pinned_source != inputs.source else None
    if now is None or now.crc32c == copy.crc32c:
        return Observation(Phase.READY, live)
    return Observation(
        Phase.READY,
        live,
        f"{pinned.uri} was overwritten (generation {now.generation}) since {pinned.source} was pinned, which "
        "is what is tuned on: set attempt one higher to tune on it as it is now",
    )


def _gone(pinned: pinning.Pinned) -> Observation:
    return Observation(Phase.FAILED, reason=f"{pinned.source} is not there")


def _validated_copy(reach: Reach, inputs: TuningDatasetInputs) -> Dataset | None:
    """Read one generation of an object line by line, and copy it if it is right; ``None`` if none is."""
    pinned = pinning.pin(reach, inputs.output_uri, inputs.pinned_source)
    if pinned is None:
        return None
    kept = reach.vertex.storage.stat(pinned.copy) is not None
    if not kept and reach.vertex.storage.stat(pinned.source) is None:
        return None
    found = _read(reach, pinned.copy if kept else pinned.source)
    if found.dataset is None:
        raise InvalidRequest(f"{inputs.source}: {first_findings(found)}")
    if not kept:
        reach.vertex.storage.copy(pinned.source, pinned.copy, reach.go_on)
    if "#" not in inputs.source:
        pinning.record(reach, inputs.owner, pinned)
    return found.dataset


def _read(reach: Reach, uri: str) -> Inspection:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "data.jsonl"
        reach.vertex.storage.download(uri, copy, reach.go_on)
        return inspect(copy)


def _unfit(reach: Reach, inputs: TuningDatasetInputs) -> str:
    """What is wrong with an object, as far as a preview reads it; empty when nothing is."""
    pinned = pinning.pin(reach, inputs.output_uri, inputs.source)
    blob = reach.vertex.storage.stat(pinned.source) if pinned is not None else None
    if pinned is not None and blob is None:
        blob = reach.vertex.storage.stat(pinned.copy)
    if blob is None:
        return f"{inputs.source} is not there"
    if blob.size > PREVIEW_BYTES:
        return ""
    found = _read(reach, f"{blob.uri}#{blob.generation}")
    return "" if found.dataset is not None else f"{inputs.source}: {first_findings(found)}"


class TuningDatasetProvider(Provider[TuningDatasetInputs]):
    """Pulumi's view of a dataset."""

    kind = "TuningDataset"
    inputs = TuningDatasetInputs
    external = TuningDatasetExternal()
    changes = {
        "project": Change.MOVE.because("another project's data"),
        "uri": Change.MOVE.because("the job reads another object"),
        "content": Change.MOVE.because("other bytes are another object"),
        "tuning": Change.MOVE.because("the next tuning looks anew at an object that may be overwritten"),
        "region": Change.NONE.because("a bucket has its own"),
        "output_uri": Change.FOLLOWS.because("uri lies below it"),
        "source": Change.FOLLOWS.because("content; an unchanged file under a new name is no change"),
        "crc32c": Change.FOLLOWS.because("content says it"),
        "generation": Change.FOLLOWS.because("an earlier look has found it; it is not declared"),
        "format": Change.FOLLOWS.because("content says it"),
        "examples": Change.FOLLOWS.because("content says it"),
        "characters": Change.FOLLOWS.because("content says it"),
        "estimated_tokens": Change.FOLLOWS.because("content says it"),
        "in_preview": Change.NONE.because("says when it is looked at"),
    }

    def identity(self, inputs: TuningDatasetInputs) -> str:
        """The object that the job reads."""
        return inputs.uri

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """As everywhere; a user's object that is missing or unfit fails the preview, as a local file does."""
        found = super().check(olds, news)
        if not looks.made_anew(olds, found) or not is_gcs(str(news.get("source"))):
            return found
        inputs = self._parsed(news)
        unfit = self.asked(inputs, lambda reach: _unfit(reach, inputs)) if inputs.in_preview else ""
        return CheckResult(news, [CheckFailure("source", unfit)]) if unfit else found

    def prepare(self, reach: Reach, inputs: TuningDatasetInputs) -> Mapping[str, Any]:
        """Read an object of the user's line by line, as a local file is read in the program."""
        found = _validated_copy(reach, inputs) if is_gcs(inputs.source) else None
        if found is None:
            return {}
        return {
            "format": found.format.value,
            "examples": found.examples,
            "characters": found.characters,
            "estimated_tokens": found.estimated_tokens,
        }

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """As everywhere; an object that was overwritten is told, and what is pinned stays as it is."""
        found = super().read(id_, props)
        outputs: Mapping[str, Any] = found.outs or {}
        if outputs.get("reason"):
            process.say(str(outputs.get("urn", "")), str(outputs["reason"]), warning=True)
        return found


def first_findings(found: Inspection, most: int = 3) -> str:
    """The first findings in one line, and how many more there are."""
    shown = [
        f"line {finding.line}: {finding.message}" if finding.line else finding.message
        for finding in found.findings[:most]
    ]
    more = found.findings_total - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


class TuningDataset(Declared, module="vertex", name="TuningDataset"):
    """Examples to tune on, validated, counted and identified by content."""

    provider = TuningDatasetProvider

    uri: Output[str]
    generation: Output[str]
    crc32c: Output[str]
    examples: Output[int]
    estimated_tokens: Output[int]
