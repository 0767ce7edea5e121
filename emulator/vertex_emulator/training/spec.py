"""What a training job is given and what it reports, as plain values between two processes."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec


class TuningMode(enum.StrEnum):
    """Which weights learn: all of them, or a low-rank adapter on a frozen base."""

    FULL = "FULL"
    PEFT_ADAPTER = "PEFT_ADAPTER"


class Phase(enum.StrEnum):
    """Where a training job is; `done` and `failed` are final."""

    PREPARING = "preparing"
    TRAINING = "training"
    SAVING = "saving"
    DONE = "done"
    FAILED = "failed"


class TrainingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One training job. All paths are local.

    `custom_base` is a folder with a checkpoint of an earlier job to continue from; None starts from the
    embedded service's own base model, which is made once and kept in `cache_dir`. None for the numbers
    means the defaults of `hyperparameters.resolve`. Intermediate checkpoints lie beside the final one, unless
    `last_checkpoint_only`. With `labelled_file` the base model answers the training rows first, its answers
    are written there, and the job learns them. Training rows of more characters than `longest` are dropped.
    """

    training_file: str
    validation_file: str | None
    output_dir: str
    cache_dir: str
    mode: TuningMode
    epochs: int
    batch_size: int | None
    learning_rate: float | None
    adapter_size: int | None
    custom_base: str | None
    last_checkpoint_only: bool = False
    labelled_file: str | None = None
    longest: int | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


class LossPoint(msgspec.Struct, frozen=True):
    """The losses after so many steps, in nats per token; the validation loss where there are such rows."""

    step: int
    training: float
    validation: float | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of a running job.

    `epoch` counts finished epochs and `step` finished steps of `steps` in all. `loss` is the mean training
    loss of the last finished epoch, or of the running one so far while the first one runs, in nats per
    token. `validation_loss` is the latest one measured. `examples` is the number of rows in the training
    file. `reason` says in one line why a job failed, and is None otherwise. `losses` has a point for each
    finished epoch.
    """

    phase: Phase
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float | None
    validation_loss: float | None
    examples: int
    reason: str | None
    losses: tuple[LossPoint, ...] = ()


class TrainingError(Exception):
    """A job cannot be trained as it was given; the message is one line that its owner can act on."""
