from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from tokenizers import Tokenizer, models

from tests.emulator.training.support import tensors
from vertex_emulator.model.architecture import ModelConfig, tensor_shapes
from vertex_emulator.model.checkpoint import (
    Checkpoint,
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)


@pytest.fixture
def checkpoint(tokenizer: Tokenizer) -> Checkpoint:
    config = ModelConfig(
        vocab_size=tokenizer.get_vocab_size(),
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        num_hidden_layers=1,
    )
    random = np.random.default_rng(0)
    weights = {
        name: random.normal(size=shape).astype(np.float32) for name, shape in tensor_shapes(config).items()
    }
    return Checkpoint(config, weights, tokenizer)


def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, checkpoint: Checkpoint) -> None:
    write_checkpoint(tmp_path / "final", checkpoint)
    back = read_checkpoint(tmp_path / "final")
    assert back.config == checkpoint.config
    assert {name: tensor.tobytes() for name, tensor in back.weights.items()} == {
        name: tensor.tobytes() for name, tensor in checkpoint.weights.items()
    }
    assert back.tokenizer.to_str() == checkpoint.tokenizer.to_str()


def test_a_checkpoint_takes_the_place_of_an_earlier_one(tmp_path: Path, checkpoint: Checkpoint) -> None:
    (tmp_path / "final").mkdir()
    (tmp_path / "final" / "left over").touch()
    write_checkpoint(tmp_path / "final", checkpoint)
    assert not (tmp_path / "final" / "left over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _text(name: str, content: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(content)

    return change


def _config(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def _tensor(name: str, tensor: np.ndarray | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        weights = tensors(folder / "model.safetensors")
        weights.pop(name, None)
        if tensor is not None:
            weights[name] = tensor
        safetensors.numpy.save_file(weights, folder / "model.safetensors")

    return change


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _plain_tokenizer(folder: Path) -> None:
    Tokenizer(models.BPE()).save(str(folder / "tokenizer.json"))


NORM = "model.norm.weight"
ODD = {
    "no config": (_without("config.json"), "config.json cannot be read: No such file"),
    "no weights": (_without("model.safetensors"), "model.safetensors cannot be read: No such file"),
    "no tokenizer": (_without("tokenizer.json"), "tokenizer.json cannot be read: No such file"),
    "config that is not JSON": (_text("config.json", "{"), "config.json: Input data was truncated"),
    "config that is a list": (_text("config.json", "[]"), "config.json: Expected `object`, got `array`"),
    "another family": (_config(model_type="gpt2"), "config.json: model_type is 'gpt2'"),
    "weights cut short": (_cut, "model.safetensors is not a readable safetensors file"),
    "a tensor too few": (_tensor(NORM, None), f"tensor {NORM} is missing"),
    "a tensor too many": (_tensor("extra", np.zeros(3, np.float32)), "tensor extra does not belong"),
    "another shape": (_tensor(NORM, np.zeros(3, np.float32)), f"tensor {NORM} is float32 (3,)"),
    "another precision": (_tensor(NORM, np.zeros(128, np.float16)), f"tensor {NORM} is float16"),
    "a tensor of no numbers": (
        _tensor(NORM, np.full(128, np.nan, np.float32)),
        f"tensor {NORM} holds values",
    ),
    "a tokenizer that is not JSON": (_text("tokenizer.json", "x"), "tokenizer.json: "),
    "a tokenizer of another model": (_plain_tokenizer, "the tokenizer has no token <|begin_of_text|>"),
    "a vocabulary of another size": (
        _config(vocab_size=9),
        "tensor model.embed_tokens.weight is float32 (1000, 128), not float32 (9, 128)",
    ),
}


@pytest.mark.parametrize(("change", "reason"), ODD.values(), ids=ODD)
def test_an_odd_checkpoint_is_refused_by_name(
    tmp_path: Path, checkpoint: Checkpoint, change: Callable[[Path], None], reason: str
) -> None:
    write_checkpoint(tmp_path / "final", checkpoint)
    change(tmp_path / "final")
    with pytest.raises(CheckpointError) as refusal:
        read_checkpoint(tmp_path / "final")
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="final: there is no such checkpoint folder"):
        read_checkpoint(tmp_path / "final")
