from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertex_emulator.serving.sampling import RequestError, Sampling, choose

SCORES = np.log(np.array([0.1, 0.4, 0.2, 0.3], dtype=np.float32))
DRAWS = 4000

# Which tokens can come up, and how often each does, in 1.
CHOICES: dict[str, tuple[dict[str, Any], dict[int, float]]] = {
    "temperature 0 is greedy": ({"temperature": 0.0}, {1: 1.0}),
    "top_k 1 is greedy at any temperature": ({"top_k": 1, "temperature": 5.0}, {1: 1.0}),
    "temperature 1 draws by the model's own odds": ({}, {0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3}),
    "temperature below 1 sharpens": ({"temperature": 0.5}, {0: 1 / 30, 1: 16 / 30, 2: 4 / 30, 3: 9 / 30}),
    "top_k keeps the likeliest": ({"top_k": 2}, {1: 4 / 7, 3: 3 / 7}),
    "top_k beyond the vocabulary keeps all": ({"top_k": 99}, {0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3}),
    "top_p keeps the fewest that reach it": ({"top_p": 0.6}, {1: 4 / 7, 3: 3 / 7}),
    "top_p keeps at least one": ({"top_p": 1e-9}, {1: 1.0}),
    "top_p counts among what top_k kept": ({"top_k": 2, "top_p": 0.5}, {1: 1.0}),
}


@pytest.mark.parametrize(("given_", "odds"), CHOICES.values(), ids=CHOICES)
def test_tokens_come_up_as_often_as_they_should(given_: dict[str, Any], odds: dict[int, float]) -> None:
    random = np.random.default_rng(0)
    sampling = Sampling(**given_)
    counts = Counter(choose(SCORES, sampling, random) for _ in range(DRAWS))
    assert {token: count / DRAWS for token, count in counts.items()} == pytest.approx(odds, abs=0.03)


PARSED: dict[str, tuple[dict[str, Any], Sampling]] = {
    "nothing said": ({"prompt": "a"}, Sampling()),
    "whole numbers as floats, the way Google's clients send them": (
        {"prompt": "a", "max_tokens": 200.0, "top_k": 10.0, "seed": 7.0, "temperature": 1, "top_p": 0.9},
        Sampling(max_tokens=200, top_k=10, seed=7, temperature=1.0, top_p=0.9),
    ),
    "null is the default": ({"max_tokens": None, "seed": None}, Sampling()),
    "other fields are not sampling": ({"messages": [], "raw_response": True}, Sampling()),
    "one stop without a list": ({"stop": "."}, Sampling(stop=(".",))),
    "several stops": ({"stop": [".", "!"]}, Sampling(stop=(".", "!"))),
    "no limit on top_k": ({"top_k": -1.0}, Sampling(top_k=-1)),
}


@pytest.mark.parametrize(("instance", "expected"), PARSED.values(), ids=PARSED)
def test_a_prediction_instance_says_how_to_sample(instance: dict[str, Any], expected: Sampling) -> None:
    assert Sampling.from_instance(instance) == expected


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a stop that is nothing": ({"stop": ""}, "length >= 1 - at `$.stop[0]`"),
    "a stop that is no text": ({"stop": [1]}, "Expected `str`, got `int` - at `$.stop[0]`"),
    "no tokens": ({"max_tokens": 0}, "Expected `int` >= 1 - at `$.max_tokens`"),
    "half a token": ({"max_tokens": 2.5}, "Expected `int`, got `float` - at `$.max_tokens`"),
    "text for a number": ({"max_tokens": "many"}, "Expected `int`, got `str` - at `$.max_tokens`"),
    "a truth for a number": ({"max_tokens": True}, "max_tokens must be a finite number, not True"),
    "below zero": ({"temperature": -0.1}, "Expected `float` >= 0.0 - at `$.temperature`"),
    "not a number": ({"temperature": float("nan")}, "temperature must be a finite number"),
    "no probability": ({"top_p": 0.0}, "Expected `float` > 0.0 - at `$.top_p`"),
    "more than certain": ({"top_p": 1.5}, "Expected `float` <= 1.0 - at `$.top_p`"),
    "none to choose from": ({"top_k": 0}, "top_k is -1 for all tokens, or at least 1"),
    "far below none": ({"top_k": -2}, "Expected `int` >= -1 - at `$.top_k`"),
    "a seed below zero": ({"seed": -1}, "Expected `int` >= 0 - at `$.seed`"),
}


@pytest.mark.parametrize(("instance", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_sampled_is_refused_by_name(instance: dict[str, Any], reason: str) -> None:
    with pytest.raises(RequestError, match=re.escape(reason)):
        Sampling.from_instance(instance)


@given(
    scores=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20),
    temperature=st.floats(0.0, 100.0),
    top_p=st.floats(0.0, 1.0, exclude_min=True),
    top_k=st.just(-1) | st.integers(1, 30),
)
def test_any_scores_can_be_sampled_from(
    scores: list[float], temperature: float, top_p: float, top_k: int
) -> None:
    """Extreme scores and settings neither fail nor choose outside the likeliest top_k."""
    sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k)
    token = choose(np.array(scores, dtype=np.float32), sampling, np.random.default_rng(0))
    better = sum(score > scores[token] for score in scores)
    assert better < (top_k if top_k > 0 else len(scores))
