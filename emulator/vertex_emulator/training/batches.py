"""From encoded examples to the arrays that a training step takes, in few shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vertex_emulator.model.prompts import Encoded

# A step is compiled once for each length that occurs, so batches are padded up to one of these.
LENGTHS = (64, 128, 192, 256, 384, 512)
MAX_LENGTH = LENGTHS[-1]
# Rows of like length share a batch; this much noise, in tokens, makes the company change with each epoch.
_SHUFFLE_SPREAD = 48.0
# A large batch is computed in parts of this many rows, so that memory does not grow with the batch.
PART_ROWS = 8


class Batch(NamedTuple):
    """Arrays [parts, rows, length]: what is read, what should follow, and 1 where that is learned, else 0.

    The parts of a batch, of at most PART_ROWS rows, are computed one after the other.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def truncate(example: Encoded, limit: int = MAX_LENGTH + 1) -> Encoded:
    """At most `limit` tokens: what stands before the first learned token loses its oldest tokens first
    (never the very first, which begins every text), then the end is cut off."""
    surplus = len(example.ids) - limit
    if surplus <= 0:
        return example
    kept_from = 1 + min(surplus, max(example.learned.index(True) - 1, 0))
    return Encoded(
        ids=(example.ids[0], *example.ids[kept_from:])[:limit],
        learned=(example.learned[0], *example.learned[kept_from:])[:limit],
    )


def in_batches(
    examples: Sequence[Encoded], size: int, pad: int, shuffle: np.random.Generator | None = None
) -> list[Batch]:
    """Batches of `size` examples, ceil(examples / size) of them; rows that no example fills have weight 0.
    Where there are fewer examples than that, all of them are one batch.

    Without `shuffle` they go from short to long; with it, both the batches and who is in them are random.
    """
    size = min(size, len(examples))
    lengths = np.array([len(example.ids) for example in examples], dtype=np.float64)
    if shuffle is not None:
        lengths += shuffle.uniform(0.0, _SHUFFLE_SPREAD, len(examples))
    order = np.argsort(lengths, kind="stable")
    batches = [
        _batch([examples[index] for index in order[start : start + size]], size, pad)
        for start in range(0, len(examples), size)
    ]
    if shuffle is not None:
        shuffle.shuffle(batches)
    return batches


def _batch(examples: Sequence[Encoded], size: int, pad: int) -> Batch:
    longest = max(len(example.ids) for example in examples) - 1
    length = next(length for length in LENGTHS if length >= longest)
    parts = math.ceil(size / PART_ROWS)
    rows = math.ceil(size / parts)
    inputs = np.full((parts * rows, length), pad, dtype=np.int32)
    targets = np.full((parts * rows, length), pad, dtype=np.int32)
    weights = np.zeros((parts * rows, length), dtype=np.float32)
    for row, example in enumerate(examples):
        end = len(example.ids) - 1
        inputs[row, :end] = example.ids[:-1]
        targets[row, :end] = example.ids[1:]
        weights[row, :end] = example.learned[1:]
    return Batch(*(array.reshape(parts, rows, length) for array in (inputs, targets, weights)))
