"""Whether a checkpoint is of the architecture of the base model that it is to stand in for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import catalog
from ..catalog import BaseModel
from ..mistakes import Mistake
from .safetensors import Tensor

EMBEDDED = "vertex-emulator"
"""What the embedded Vertex AI writes into ``made_by`` of each config.json: its models are its own."""
EMBEDDINGS = "embed_tokens.weight"


def differences(config: Mapping[str, Any], base: BaseModel, *, embedded: bool) -> Iterator[Mistake]:
    """Each way in which config.json is not that of the base model.

    Args:
        embedded: whether the weights go to an embedded Vertex AI, whose base models are small ones of its
            own under Google's ids: what it made itself is fit for it, and for nothing else.
    """
    at = "config.json"
    if config.get("made_by") == EMBEDDED:
        if not embedded:
            yield Mistake(at, f"made_by says {EMBEDDED}: it is a rehearsal's model, and not {base.label}")
        return
    if "quantization_config" in config:
        yield Mistake(at, "has a quantization_config: tuning needs the weights as they were published")
    wanted = catalog.architecture_of(base.id)
    kind = config.get("model_type")
    if kind != wanted.model_type:
        yield Mistake(at, f"model_type is {kind!r}, and {base.label} is {wanted.model_type!r}")
        return
    for name, value in wanted.sizes.items():
        if config.get(name) != value:
            yield Mistake(at, f"{name} is {config.get(name)!r}, and {base.label} has {value}")


def unlike(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Iterator[Mistake]:
    """Where the tensors are not those that config.json describes."""
    sizes = config.get("text_config", config)
    if not isinstance(sizes, Mapping):
        return
    wanted = (sizes.get("vocab_size"), sizes.get("hidden_size"))
    for name, tensor in tensors.items():
        if name.endswith(EMBEDDINGS) and None not in wanted and tensor.shape != wanted:
            yield Mistake(name, f"has the shape {tensor.shape}, and config.json describes {wanted}")


def compared(config: Mapping[str, Any], base: BaseModel) -> str:
    """What was compared, for those who rely on it."""
    wanted = catalog.architecture_of(base.id)
    if config.get("made_by") == EMBEDDED:
        return (
            "made by the embedded Vertex AI: its architecture is not compared, and no other service tunes it"
        )
    if wanted.sizes:
        return f"the architecture is that of {base.label}: model_type, {', '.join(wanted.sizes)}"
    return f"only model_type was compared: the sizes of {base.label} are not in the catalogue"
