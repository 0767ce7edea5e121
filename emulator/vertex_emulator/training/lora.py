"""Low-rank adapters: their start, their sum with the base, and PEFT's way to write them down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.numpy

from vertex_emulator.model.architecture import (
    MADE_BY,
    PROJECTIONS,
    ModelConfig,
    projection_names,
    tensor_shapes,
)
from vertex_emulator.model.checkpoint import Weights, pretty_json
from vertex_emulator.model.files import replace_folder

# PEFT's lora_alpha over its rank: how much of B @ A is added to a projection, whatever the rank.
SCALING = 2.0


class Adapter(NamedTuple):
    """What is added to one projection [out, in]: SCALING x up [out, rank] @ down [rank, in]."""

    down: np.ndarray
    up: np.ndarray


Adapters = Mapping[str, Adapter]


def new_adapters(config: ModelConfig, rank: int, random: np.random.Generator) -> dict[str, Adapter]:
    """Adapters that add nothing yet: `down` is random, `up` is zero."""
    shapes = tensor_shapes(config)
    adapters = {}
    for name in projection_names(config):
        rows, columns = shapes[name]
        bound = columns**-0.5
        down = random.uniform(-bound, bound, (rank, columns)).astype(np.float32)
        adapters[name] = Adapter(down, np.zeros((rows, rank), dtype=np.float32))
    return adapters


def merge(weights: Weights, adapters: Adapters) -> dict[str, np.ndarray]:
    """The weights with every adapter added; tensors without one are the same objects as before."""
    merged = {
        name: weights[name] + np.float32(SCALING) * (pair.up @ pair.down) for name, pair in adapters.items()
    }
    return {**weights, **merged}


def write_adapters(folder: Path, adapters: Adapters, rank: int) -> None:
    """Write adapter_config.json and adapter_model.safetensors as PEFT reads them."""
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "r": rank,
        "lora_alpha": round(SCALING * rank),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "target_modules": [projection.rpartition(".")[2] for projection in PROJECTIONS],
    }
    tensors = {}
    for name, pair in adapters.items():
        module = "base_model.model." + name.removesuffix(".weight")
        tensors[f"{module}.lora_A.weight"] = pair.down
        tensors[f"{module}.lora_B.weight"] = pair.up
    metadata = {"format": "pt", "made_by": MADE_BY}
    files = {
        "adapter_config.json": pretty_json(config),
        "adapter_model.safetensors": safetensors.numpy.save(tensors, metadata=metadata),
    }
    replace_folder(folder, files)
