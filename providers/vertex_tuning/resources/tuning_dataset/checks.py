"""Checks of a tuning's data that ask Cloud Storage: objects to tune on, validation limits, images.

Each check gives the problems, which fail a preview or an `up`, and the warnings.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ... import fit, holdout, names
from ...dataset import Dataset, Inspection, inspect
from ...lifecycle import Context
from ...sources import as_typed
from ...specs import is_gcs
from ...vertex.errors import VertexError
from .._tuning import pinned_data

if TYPE_CHECKING:
    from ...vertex.client import Blob
    from .inputs import TuningDatasetInputs

PREVIEW_BYTES = 16 * 2**20
"""An object up to this size is read in preview; a larger one only by an `up`."""
IMAGES_CHECKED = 10
"""How many of a file's images in Cloud Storage are looked for."""


class Checked(NamedTuple):
    """What is wrong, what is worth a warning, and what was read if it is right."""

    problems: list[str]
    warnings: list[str]
    dataset: Dataset | None = None


def in_preview(context: Context, inputs: TuningDatasetInputs) -> Checked:
    """What a preview finds, which reads no large object."""
    if not is_gcs(inputs.source):
        return _beside(context, inputs, None, Checked([], []))
    pinned = pinned_data.pin(context, inputs.output_uri, inputs.source)
    blob = context.vertex.storage.stat(pinned.source) if pinned is not None else None
    if pinned is not None and blob is None:
        blob = context.vertex.storage.stat(pinned.copy)
    if blob is None:
        return Checked([f"{inputs.source} is not there"], [])
    return of_object(context, inputs, blob, whole=blob.size <= PREVIEW_BYTES)


def of_object(context: Context, inputs: TuningDatasetInputs, blob: Blob, *, whole: bool = True) -> Checked:
    """What is known of an object, read line by line if it is to be read whole."""
    if blob.encoding:
        return Checked([_packed(inputs.source, blob.encoding)], [])
    found = Checked([], [])
    if whole:
        seen = _read(context, f"{blob.uri}#{blob.generation}")
        if seen.dataset is None:
            return Checked([f"{inputs.source}: {first_findings(seen)}"], [])
        problem = fit.image_problem(inputs.base_model, seen.dataset) if inputs.base_model else None
        doubt = fit.image_warning(inputs.base_model, seen.dataset) if inputs.base_model else None
        warnings = [*fit.warnings_of(seen.dataset), *([doubt] if doubt else [])]
        found = Checked(
            [f"{inputs.source}: {problem}"] if problem else [],
            [f"{inputs.source}: {warning}" for warning in warnings],
            seen.dataset,
        )
    return _beside(context, inputs, blob, found)


def _packed(source: str, encoding: str) -> str:
    return (
        f"{source} is stored with Content-Encoding: {encoding}, and Vertex AI reads the packed bytes. "
        "Upload the file unpacked: gcloud storage cp without --gzip-local"
    )


def _read(context: Context, uri: str) -> Inspection:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "data.jsonl"
        context.vertex.storage.download(uri, copy, context.go_on)
        return inspect(copy)


def _beside(context: Context, inputs: TuningDatasetInputs, blob: Blob | None, found: Checked) -> Checked:
    """What is found, with the limits of validation data and the images."""
    problems, warnings = _images(context, inputs, found.dataset)
    return Checked(
        [*found.problems, *_held_out(context, inputs, blob, found.dataset), *problems],
        [*found.warnings, *warnings],
        found.dataset,
    )


def _held_out(
    context: Context, inputs: TuningDatasetInputs, blob: Blob | None, dataset: Dataset | None
) -> Iterator[str]:
    """Why Vertex AI would refuse validation data beside the training data."""
    training = inputs.training_source
    if training is None:
        return
    size = inputs.training_bytes
    if size is None:
        there = context.vertex.storage.stat(training)
        if there is not None and there.encoding:
            return  # packed bytes say nothing of the rows; its own resource refuses it
        size = there.size if there is not None else None
    own = blob.size if blob is not None else inputs.bytes
    if size is None or own is None:
        return  # what is not there, its own resource says
    examples = dataset.examples if dataset is not None else inputs.examples
    name = dataset.format.value if dataset is not None else inputs.format
    facts = holdout.Facts(size, None, inputs.training_format), holdout.Facts(own, examples, name)
    for problem in holdout.problems(*facts, as_typed(training)):
        yield f"{as_typed(inputs.source)}: {problem}"


def _images(
    context: Context, inputs: TuningDatasetInputs, dataset: Dataset | None
) -> tuple[list[str], list[str]]:
    """Images that are not there, and those that nobody could look at."""
    found = [image.uri for image in dataset.images] if dataset is not None else inputs.images
    missing, warnings = [], []
    for uri in sample(found):
        try:
            if context.vertex.storage.stat(uri) is None:
                missing.append(f"{as_typed(inputs.source)}: the image {uri} is not there; upload it")
        except VertexError as error:
            warnings.append(f"not checked: the image {uri}: {error}")
            break
    own = names.bucket(inputs.output_uri)
    others = dict.fromkeys(bucket for bucket in map(names.bucket, found) if bucket != own)
    if others:
        warnings.append(
            f"{as_typed(inputs.source)}: images lie in {', '.join(others)}: both of Vertex AI's service "
            "agents need roles/storage.objectUser there"
        )
    return missing, warnings


def sample(uris: Iterable[str]) -> list[str]:
    """The first few images, each once."""
    return list(dict.fromkeys(uris))[:IMAGES_CHECKED]


def first_findings(found: Inspection, most: int = 3) -> str:
    """The first findings in one line, and how many more there are."""
    shown = [
        f"line {finding.line}: {finding.message}" if finding.line else finding.message
        for finding in found.findings[:most]
    ]
    more = found.findings_total - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
