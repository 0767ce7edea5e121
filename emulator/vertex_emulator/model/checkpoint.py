"""Checkpoints in Hugging Face's layout: read back only when every part fits, written as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import safetensors.numpy
from safetensors import SafetensorError
from tokenizers import Tokenizer

from vertex_emulator.model.architecture import ModelConfig, from_huggingface, tensor_shapes, to_huggingface
from vertex_emulator.model.files import replace_folder
from vertex_emulator.model.prompts import PromptEncoder
from vertex_emulator.model.tokenizer import huggingface_files

WEIGHTS_FILE, CONFIG_FILE, TOKENIZER_FILE = "model.safetensors", "config.json", "tokenizer.json"

Weights = Mapping[str, np.ndarray]


class CheckpointError(Exception):
    """A folder does not hold a checkpoint that can be computed here; the message is one line."""


class Checkpoint(NamedTuple):
    """A model in memory: float32 tensors by Hugging Face name, in the shapes of `tensor_shapes(config)`."""

    config: ModelConfig
    weights: Weights
    tokenizer: Tokenizer


def read_checkpoint(folder: Path) -> Checkpoint:
    """Load a checkpoint folder; CheckpointError names what is missing or does not fit."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder.name}: there is no such checkpoint folder")
    config = _config(folder / CONFIG_FILE)
    return Checkpoint(
        config, _weights(folder / WEIGHTS_FILE, config), _tokenizer(folder / TOKENIZER_FILE, config)
    )


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a whole checkpoint folder in one step, in place of an earlier one."""
    config = checkpoint.config
    generation = {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_id,
        "pad_token_id": config.pad_token_id,
        "do_sample": True,
    }
    files = {
        CONFIG_FILE: pretty_json(to_huggingface(config)),
        "generation_config.json": pretty_json(generation),
        WEIGHTS_FILE: safetensors.numpy.save(dict(checkpoint.weights), metadata={"format": "pt"}),
        **huggingface_files(checkpoint.tokenizer, config.max_position_embeddings),
    }
    replace_folder(folder, files)


def pretty_json(content: object) -> bytes:
    """JSON for people: two spaces of indent and a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror}") from error


def _config(path: Path) -> ModelConfig:
    try:
        return from_huggingface(msgspec.json.decode(_read(path), type=dict[str, object]))
    except (msgspec.DecodeError, ValueError) as error:
        raise CheckpointError(f"{path.name}: {error}") from error


def _weights(path: Path, config: ModelConfig) -> Weights:
    try:
        weights = safetensors.numpy.load(_read(path))
    except (SafetensorError, KeyError) as error:
        raise CheckpointError(f"{path.name} is not a readable safetensors file: {error}") from error
    expected = tensor_shapes(config)
    if odd := sorted(weights.keys() ^ expected.keys()):
        state = (
            "is missing" if odd[0] in expected else "does not belong to the model that config.json describes"
        )
        raise CheckpointError(f"{path.name}: tensor {odd[0]} {state}")
    for name, shape in expected.items():
        tensor = weights[name]
        if tensor.shape != shape or tensor.dtype != np.float32:
            raise CheckpointError(
                f"{path.name}: tensor {name} is {tensor.dtype} {tensor.shape}, not float32 {shape}"
            )
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{path.name}: tensor {name} holds values that are not numbers")
    return weights


def _tokenizer(path: Path, config: ModelConfig) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(_read(path).decode())
        PromptEncoder(tokenizer)
    except CheckpointError:
        raise
    # The library raises bare Exception for a file that it cannot parse.
    except Exception as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    if tokenizer.get_vocab_size() != config.vocab_size:
        raise CheckpointError(
            f"{path.name} has {tokenizer.get_vocab_size()} tokens, and config.json says {config.vocab_size}"
        )
    return tokenizer
