from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vertex_emulator.model.architecture import ModelConfig, tensor_shapes
from vertex_emulator.model.checkpoint import Checkpoint, write_checkpoint
from vertex_emulator.model.tokenizer import train_tokenizer
from vertex_emulator.serving.model import ServedModel
from vertex_emulator.training.base_text import own_documents


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """A small model with random weights: it has no habits, so every token is within reach of sampling."""
    tokenizer = train_tokenizer(own_documents().values())
    config = ModelConfig(
        vocab_size=tokenizer.get_vocab_size(),
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        num_hidden_layers=2,
        max_position_embeddings=96,
    )
    random = np.random.default_rng(0)
    weights = {
        name: random.normal(1.0 if len(shape) == 1 else 0.0, 0.1, shape).astype(np.float32)
        for name, shape in tensor_shapes(config).items()
    }
    return Checkpoint(config, weights, tokenizer)


@pytest.fixture(scope="session")
def folder(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as an artifact."""
    folder = tmp_path_factory.mktemp("artifact") / "final"
    write_checkpoint(folder, checkpoint)
    return folder


@pytest.fixture(scope="session")
def model(folder: Path) -> ServedModel:
    return ServedModel.load(folder)
