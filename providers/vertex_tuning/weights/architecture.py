"""Whether a checkpoint is of the architecture of the base model that it is to stand in for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .. import catalog
from ..catalog import BaseModel
from ..problems import Problem
from .safetensors import Tensor
from .tensors import described

EMBEDDED = "vertex-emulator"
"""What the embedded Vertex AI writes into ``made_by`` of each config.json: its models are its own."""
EMBEDDINGS = "embed_tokens.weight"
NAMED = 3
"""Tensors that a mistake names; of the others it says how many there are."""


def differences(config: Mapping[str, Any], base: BaseModel, *, embedded: bool) -> Iterator[Problem]:
    """Each way in which config.json is not that of the base model.

    Args:
        embedded: whether the weights go to an embedded Vertex AI, whose base models are small ones of its
            own under Google's ids: what it made itself is fit for it, and for nothing else.
    """
    at = "config.json"
    if config.get("made_by") == EMBEDDED:
        if not embedded:
            yield Problem(at, f"made_by says {EMBEDDED}: it is a rehearsal's model, and not {base.label}")
        return
    if "quantization_config" in config:
        yield Problem(at, "has a quantization_config: tuning needs the weights as they were published")
    wanted = catalog.architecture_of(base.id)
    kind = config.get("model_type")
    if kind != wanted.model_type:
        yield Problem(at, f"model_type is {kind!r}, and {base.label} is {wanted.model_type!r}")
        return
    for name, value in wanted.sizes.items():
        if config.get(name) != value:
            yield Problem(at, f"{name} is {config.get(name)!r}, and {base.label} has {value}")


def unlike(config: Mapping[str, Any], tensors: Mapping[str, tuple[str, Tensor]]) -> Iterator[Problem]:
    """Where the tensors, each with its file's name, have not the shapes that config.json describes."""
    wanted = described(config) or _embeddings(config, tensors)
    odd = [name for name, shape in wanted.items() if name in tensors and tensors[name][1].shape != shape]
    for name in odd[:NAMED]:
        file, tensor = tensors[name]
        yield Problem(file, f"{name}: has the shape {tensor.shape}, and config.json describes {wanted[name]}")
    if odd[NAMED:]:
        yield Problem("config.json", f"describes other shapes for {len(odd) - NAMED} more tensors")


def lacking(config: Mapping[str, Any], tensors: Collection[str]) -> Iterator[Problem]:
    """Which of the tensors that config.json describes are in no file."""
    missing = [name for name in described(config) if name not in tensors]
    if missing:
        more = f" and {len(missing) - NAMED} more" if missing[NAMED:] else ""
        yield Problem(
            "config.json", f"describes tensors that are in no file: {', '.join(missing[:NAMED])}{more}"
        )


def _embeddings(config: Mapping[str, Any], names: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    sizes = config.get("text_config", config)
    wanted = (sizes.get("vocab_size"), sizes.get("hidden_size")) if isinstance(sizes, Mapping) else (None,)
    return {} if None in wanted else {name: wanted for name in names if name.endswith(EMBEDDINGS)}


def compared(config: Mapping[str, Any], base: BaseModel) -> str:
    """What was compared, for those who rely on it."""
    wanted = catalog.architecture_of(base.id)
    if config.get("made_by") == EMBEDDED:
        return (
            "made by the embedded Vertex AI: its architecture is not compared, and no other service tunes it"
        )
    if wanted.sizes:
        every = ", and every tensor's name and shape" if described(config) else ""
        return f"the architecture is that of {base.label}: model_type, {', '.join(wanted.sizes)}{every}"
    return f"only model_type was compared: the sizes of {base.label} are not in the catalogue"
