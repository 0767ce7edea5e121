"""A job's inputs, checked without JAX, so that errors appear at once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from vertex_emulator.model.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from vertex_emulator.model.prompts import Example
from vertex_emulator.training.dataset import characters, read_examples
from vertex_emulator.training.hyperparameters import Hyperparameters, resolve
from vertex_emulator.training.spec import TrainingError, TrainingSpec


class Inputs(NamedTuple):
    """Rows, numbers and, where the job names one, the checkpoint to continue from."""

    training: tuple[Example, ...]
    validation: tuple[Example, ...] | None
    hyperparameters: Hyperparameters
    custom_base: Checkpoint | None


def read_inputs(spec: TrainingSpec) -> Inputs:
    """Read and check everything that a job names; TrainingError says what is wrong and where."""
    hyperparameters = resolve(spec)
    training = _short_enough(read_examples(Path(spec.training_file)), spec.longest)
    validation = None if spec.validation_file is None else read_examples(Path(spec.validation_file))
    custom_base = None if spec.custom_base is None else _custom_base(Path(spec.custom_base))
    return Inputs(training, validation, hyperparameters, custom_base)


def _short_enough(rows: tuple[Example, ...], longest: int | None) -> tuple[Example, ...]:
    """The rows that the model takes: longer ones are dropped, as Vertex AI does."""
    kept = rows if longest is None else tuple(row for row in rows if characters(row) <= longest)
    if not kept:
        raise TrainingError("training.jsonl: every example has more tokens than the model takes")
    return kept


def _custom_base(folder: Path) -> Checkpoint:
    try:
        return read_checkpoint(folder)
    except CheckpointError as error:
        raise TrainingError(f"custom base model: {error}") from error
