"""The simplest model to beat: how often each token occurs, whatever stands before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vertex_emulator.model.prompts import Encoded


def unigram_loss(fitted_on: Sequence[Encoded], measured_on: Sequence[Encoded], vocabulary: int) -> float:
    """Nats per learned token of a unigram model of the learned tokens, each counted once more than seen."""
    counts = np.bincount(_learned(fitted_on), minlength=vocabulary) + 1
    losses = -np.log(counts / counts.sum())
    return float(losses[_learned(measured_on)].mean())


def _learned(examples: Sequence[Encoded]) -> np.ndarray:
    return np.concatenate([np.array(example.ids)[np.array(example.learned)] for example in examples])
