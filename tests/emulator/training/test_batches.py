from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertex_emulator.model.prompts import Encoded
from vertex_emulator.training.batches import LENGTHS, PART_ROWS, in_batches, truncate
from vertex_emulator.training.unigram import unigram_loss

PAD = 99


def row(given_tokens: int, learned_tokens: int, first: int = 0) -> Encoded:
    length = given_tokens + learned_tokens
    return Encoded(
        ids=tuple(range(first, first + length)),
        learned=(False,) * given_tokens + (True,) * learned_tokens,
    )


TRUNCATED = {
    "what fits stays": (row(3, 2), 5, (0, 1, 2, 3, 4)),
    "the oldest of the prompt goes first, the beginning of the text never": (row(4, 2), 4, (0, 3, 4, 5)),
    "when no prompt is left the end of the answer goes": (row(3, 5), 4, (0, 3, 4, 5)),
    "an answer without a prompt loses its end": (row(1, 5), 3, (0, 1, 2)),
}


@pytest.mark.parametrize(("example", "limit", "kept"), TRUNCATED.values(), ids=TRUNCATED)
def test_long_examples_are_cut(example: Encoded, limit: int, kept: tuple[int, ...]) -> None:
    cut = truncate(example, limit)
    assert cut.ids == kept
    assert cut.learned == tuple(example.learned[example.ids.index(token)] for token in kept)
    assert any(cut.learned)


@given(
    lengths=st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200)), min_size=1, max_size=40),
    size=st.integers(1, 30),
    seed=st.none() | st.integers(0, 9),
)
def test_batches_hold_every_learned_token_once(
    lengths: list[tuple[int, int]], size: int, seed: int | None
) -> None:
    examples = [row(given_, learned, first=1000 * n) for n, (given_, learned) in enumerate(lengths)]
    batches = in_batches(examples, size, PAD, None if seed is None else np.random.default_rng(seed))

    assert len(batches) == -(-len(examples) // size)
    for batch in batches:
        parts, rows, length = batch.inputs.shape
        assert rows <= PART_ROWS
        assert length in LENGTHS
        assert min(size, len(examples)) <= parts * rows < min(size, len(examples)) + parts, "little is wasted"
    learned = [token for batch in batches for token in batch.targets[batch.weights == 1]]
    expected = [
        token for e in examples for token, is_learned in zip(e.ids, e.learned, strict=True) if is_learned
    ]
    assert sorted(learned) == sorted(expected)
    for batch in batches:
        real = batch.weights == 1
        assert (batch.targets[real] == batch.inputs[real] + 1).all(), "each target follows its input"


def test_a_seed_decides_the_order_of_an_epoch() -> None:
    examples = [row(5, 5, first=1000 * number) for number in range(40)]

    def order(seed: int) -> list[int]:
        batches = in_batches(examples, 4, PAD, np.random.default_rng(seed))
        return [int(number) for batch in batches for number in batch.inputs[..., 0].flat]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_the_unigram_model_counts_learned_tokens_and_one_more_of_each() -> None:
    fitted = [Encoded((3, 1, 1), (False, True, True)), Encoded((3, 2), (False, True))]
    measured = [Encoded((1, 1, 0), (False, True, True))]
    # Learned: 1, 1, 2. With one more of each of 4 tokens: 1, 3, 2, 1 of 7.
    assert unigram_loss(fitted, measured, 4) == pytest.approx(-(np.log(3 / 7) + np.log(1 / 7)) / 2)
