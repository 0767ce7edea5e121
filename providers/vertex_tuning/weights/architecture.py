"""Compare a checkpoint's architecture with its base model's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .. import catalog
from ..catalog import BaseModel
from ..problems import Problem
from .safetensors import Tensor
from .tensors import described

EMBEDDED = "vertex-emulator"
"""The value of ``made_by`` in a config.json of the embedded Vertex AI."""
EMBEDDINGS = "embed_tokens.weight"
NAMED = 3
"""Maximum number of tensors named in a message."""


def differences(config: Mapping[str, Any], base: BaseModel, *, embedded: bool) -> Iterator[Problem]:
    """The differences between config.json and the base model's.

    Args:
        embedded: whether the weights are for an embedded Vertex AI, whose base models are small models under
            Google's ids: its own checkpoints work there only.
    """
    at = "config.json"
    if config.get("made_by") == EMBEDDED:
        if not embedded:
            yield Problem(at, f"made_by says {EMBEDDED}: a model of the embedded Vertex AI, not {base.label}")
        return
    if "quantization_config" in config:
        yield Problem(at, "has a quantization_config: tuning needs unquantized weights")
    wanted = catalog.architecture_of(base.id)
    kind = config.get("model_type")
    if kind != wanted.model_type:
        yield Problem(at, f"model_type is {kind!r}, and {base.label} is {wanted.model_type!r}")
        return
    for name, value in wanted.sizes.items():
        if config.get(name) != value:
            yield Problem(at, f"{name} is {config.get(name)!r}, and {base.label} has {value}")


def unlike(config: Mapping[str, Any], tensors: Mapping[str, tuple[str, Tensor]]) -> Iterator[Problem]:
    """The tensors whose shapes differ from config.json, with their files' names."""
    wanted = described(config) or _embeddings(config, tensors)
    odd = [name for name, shape in wanted.items() if name in tensors and tensors[name][1].shape != shape]
    for name in odd[:NAMED]:
        file, tensor = tensors[name]
        yield Problem(file, f"{name}: has the shape {tensor.shape}, and config.json describes {wanted[name]}")
    if odd[NAMED:]:
        yield Problem("config.json", f"describes other shapes for {len(odd) - NAMED} more tensors")


def lacking(config: Mapping[str, Any], tensors: Collection[str]) -> Iterator[Problem]:
    """The tensors of config.json that are in no file."""
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
    """What was compared, as text."""
    wanted = catalog.architecture_of(base.id)
    if config.get("made_by") == EMBEDDED:
        return (
            "made by the embedded Vertex AI: its architecture is not compared, and no other service tunes it"
        )
    if wanted.sizes:
        every = ", and every tensor's name and shape" if described(config) else ""
        return f"the architecture is that of {base.label}: model_type, {', '.join(wanted.sizes)}{every}"
    return f"only model_type was compared: the sizes of {base.label} are not in the catalogue"
