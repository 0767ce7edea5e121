"""All that a job reads before it trains, checked without JAX so that a mistake is told within moments."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from vertex_emulator.model.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from vertex_emulator.model.prompts import Example
from vertex_emulator.training.dataset import read_examples
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
    training = read_examples(Path(spec.training_file))
    validation = None if spec.validation_file is None else read_examples(Path(spec.validation_file))
    custom_base = None if spec.custom_base is None else _custom_base(Path(spec.custom_base))
    return Inputs(training, validation, hyperparameters, custom_base)


def _custom_base(folder: Path) -> Checkpoint:
    try:
        return read_checkpoint(folder)
    except CheckpointError as error:
        raise TrainingError(f"custom base model: {error}") from error
