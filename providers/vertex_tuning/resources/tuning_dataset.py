"""TuningDataset: a local JSONL file at a content-addressed object, or an object that is there already."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi import Output

from ..dataset import Inspection, inspect
from ..lifecycle import Change, Declared, Observation, Phase, Provider, Reach, ResourceInputs
from ..specs import CountOrZero, DataSource, is_gcs
from ..vertex.claims import Held
from ..vertex.errors import InvalidRequest


class TuningDatasetInputs(ResourceInputs):
    """One file of examples.

    Attributes:
        source: local path or ``gs://BUCKET/OBJECT[#GENERATION]``.
        content: identity of the bytes; for Cloud Storage the URI, because the bytes are not here.
        uri: where the tuning job reads it.
    """

    source: DataSource
    content: str
    uri: str
    format: str | None = None
    examples: CountOrZero | None = None
    characters: CountOrZero | None = None
    estimated_tokens: CountOrZero | None = None


class TuningDatasetExternal:
    """The object in Cloud Storage."""

    waits_in_line = False

    def observe(self, reach: Reach, inputs: TuningDatasetInputs, _held: Held | None) -> Observation:
        """Ready when the object is there; ``live`` pins its generation and checksum."""
        blob = reach.vertex.storage.stat(inputs.source if is_gcs(inputs.source) else inputs.uri)
        if blob is not None:
            pinned = {"generation": str(blob.generation), "crc32c": blob.crc32c, "bytes": blob.size}
            return Observation(Phase.READY, pinned)
        if is_gcs(inputs.source):
            return Observation(Phase.FAILED, reason=f"{inputs.source} is not there")
        return Observation(Phase.ABSENT)

    def submit(self, reach: Reach, inputs: TuningDatasetInputs, held: Held | None) -> Held | None:
        """Upload; the object's name is its content, so an equal one is left as it is."""
        path = Path(inputs.source)
        if not path.is_file():
            raise InvalidRequest(f"{path} has been moved or deleted since the preview")
        reach.vertex.storage.upload(path, inputs.uri)
        return held

    def update(
        self, _reach: Reach, _before: Mapping[str, Any], _inputs: TuningDatasetInputs, _held: Held | None
    ) -> None:
        """Nothing can change in place: another content is another object."""

    def delete(self, _reach: Reach, _inputs: TuningDatasetInputs, _held: Held | None) -> bool:
        """Kept: other services and the lineage of tuned models refer to it."""
        return False


class TuningDatasetProvider(Provider[TuningDatasetInputs]):
    """Pulumi's view of a dataset."""

    kind = "TuningDataset"
    inputs = TuningDatasetInputs
    external = TuningDatasetExternal()
    changes = {"project": Change.MOVE, "uri": Change.MOVE, "content": Change.MOVE}

    def identity(self, inputs: TuningDatasetInputs) -> str:
        """The object that the job reads."""
        return inputs.uri

    def prepare(self, reach: Reach, inputs: TuningDatasetInputs) -> Mapping[str, Any]:
        """Read an object of the user's line by line, as a local file is read in the program."""
        if not is_gcs(inputs.source) or reach.vertex.storage.stat(inputs.source) is None:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "data.jsonl"
            reach.vertex.storage.download(inputs.source, copy)
            found = inspect(copy)
        if found.dataset is None:
            raise InvalidRequest(f"{inputs.source}: {first_findings(found)}")
        return {
            "format": found.dataset.format.value,
            "examples": found.dataset.examples,
            "characters": found.dataset.characters,
            "estimated_tokens": found.dataset.estimated_tokens,
        }


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
