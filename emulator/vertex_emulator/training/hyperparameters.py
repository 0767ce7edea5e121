"""The numbers of a training run, with the defaults for what the job leaves open."""

from __future__ import annotations

import math

import msgspec

from vertex_emulator.training.spec import TrainingError, TrainingSpec, TuningMode

DEFAULT_BATCH_SIZE = 8
DEFAULT_ADAPTER_SIZE = 16
# Found on short English question-and-answer rows: the largest rates at which three epochs of 200 rows still
# fall smoothly for this small model. They are far above those for models with billions of weights.
DEFAULT_LEARNING_RATE = {TuningMode.FULL: 3e-3, TuningMode.PEFT_ADAPTER: 6e-3}


class Hyperparameters(msgspec.Struct, frozen=True, kw_only=True):
    """What a run trains with. `adapter_size` is the LoRA rank, None when all weights learn."""

    epochs: int
    batch_size: int
    learning_rate: float
    adapter_size: int | None


def resolve(spec: TrainingSpec) -> Hyperparameters:
    """Fill in the defaults: batch size 8, adapter size 16, learning rate 3e-3 (FULL) or 6e-3 (PEFT_ADAPTER).

    A number that is not positive is an error, as is an adapter size for a job that has no adapter.
    """
    rate = DEFAULT_LEARNING_RATE[spec.mode] if spec.learning_rate is None else spec.learning_rate
    if not (math.isfinite(rate) and rate > 0):
        raise TrainingError(f"the learning rate must be a positive number, not {rate}")
    return Hyperparameters(
        epochs=_at_least_one("epochs", spec.epochs),
        batch_size=_at_least_one(
            "batch_size", DEFAULT_BATCH_SIZE if spec.batch_size is None else spec.batch_size
        ),
        learning_rate=rate,
        adapter_size=_adapter_size(spec),
    )


def _adapter_size(spec: TrainingSpec) -> int | None:
    if spec.mode is TuningMode.PEFT_ADAPTER:
        return _at_least_one(
            "adapter_size", DEFAULT_ADAPTER_SIZE if spec.adapter_size is None else spec.adapter_size
        )
    if spec.adapter_size is not None:
        raise TrainingError("adapter_size belongs to mode PEFT_ADAPTER; mode FULL has no adapter")
    return None


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise TrainingError(f"{name} must be at least 1, not {value}")
    return value
