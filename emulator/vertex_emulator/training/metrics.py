"""What a finished job says about itself in metrics.json. Losses are mean nats per learned token."""

from __future__ import annotations

import msgspec

from vertex_emulator.model.architecture import MADE_BY
from vertex_emulator.training.hyperparameters import Hyperparameters
from vertex_emulator.training.spec import TuningMode


class EpochMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over the training rows: the training loss along the way, the validation loss at its end."""

    epoch: int
    training_loss: float
    validation_loss: float | None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run. `base_validation_loss` is that of the model before its first step; the unigram losses
    are those of a model that knows only how frequent each token is in the training rows' answers.
    `truncated` counts training rows that were longer than `batches.MAX_LENGTH` tokens."""

    mode: TuningMode
    seed: int
    hyperparameters: Hyperparameters
    examples: int
    validation_examples: int
    tokens: int
    learned_tokens: int
    truncated: int
    base_validation_loss: float | None
    unigram_training_loss: float
    unigram_validation_loss: float | None
    epochs: tuple[EpochMetrics, ...]
    made_by: str = MADE_BY
