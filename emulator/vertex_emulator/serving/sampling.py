"""How the next token is chosen, and the bounds of what a caller may ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import numpy as np

# Dividing by less than this would leave the range of numbers, and the likeliest token wins long before.
_GREEDY_BELOW = 1e-5


class RequestError(ValueError):
    """A prediction cannot be made as it was asked for; the message is one line for the caller."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of one generation.

    Temperature 0 and top_k 1 are greedy: always the likeliest token. top_k -1 keeps all tokens; top_p keeps
    the likeliest ones that together have that probability, always at least one. Without a seed each call
    differs. The text ends before the first of `stop` that comes up in it.
    """

    max_tokens: Annotated[int, msgspec.Meta(ge=1)] = 64
    temperature: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] = 1.0
    top_p: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 1.0
    top_k: Annotated[int, msgspec.Meta(ge=-1)] = -1
    seed: Annotated[int, msgspec.Meta(ge=0)] | None = None
    stop: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1)], ...], msgspec.Meta(max_length=16)] = ()

    def __post_init__(self) -> None:
        if self.top_k == 0:
            raise ValueError("top_k is -1 for all tokens, or at least 1")

    @classmethod
    def from_instance(cls, instance: Mapping[str, Any]) -> Sampling:
        """The sampling that a prediction instance asks for; its other fields are ignored.

        Whole numbers may be written as floats (200.0), as Google's clients send them, one `stop` may stand
        without a list, and null is the default. RequestError names the field and its bounds.
        """
        given = {
            name: _number(name, instance[name])
            for name in cls.__struct_fields__
            if name != "stop" and instance.get(name) is not None
        }
        if (stop := instance.get("stop")) is not None:
            given["stop"] = [stop] if isinstance(stop, str) else stop
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            raise RequestError(f"sampling parameters: {error}") from error


def _number(name: str, value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise RequestError(f"{name} must be a finite number, not {value}")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def choose(scores: np.ndarray, sampling: Sampling, random: np.random.Generator) -> int:
    """One token id by its scores [vocabulary]."""
    if sampling.temperature < _GREEDY_BELOW or sampling.top_k == 1:
        return int(np.argmax(scores))
    order = np.argsort(-scores, kind="stable")
    if sampling.top_k > 0:
        order = order[: sampling.top_k]
    likely = (scores[order] - scores[order[0]]).astype(np.float64) / sampling.temperature
    probabilities = np.exp(likely)
    probabilities /= probabilities.sum()
    before = np.cumsum(probabilities) - probabilities
    kept = max(1, int(np.count_nonzero(before < sampling.top_p)))
    probabilities = probabilities[:kept] / probabilities[:kept].sum()
    return int(random.choice(order[:kept], p=probabilities))
