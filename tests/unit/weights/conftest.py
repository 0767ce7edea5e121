"""A Hugging Face folder in the small: every part there, nothing of it learned."""

import json
import math
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vertex_tuning import catalog
from vertex_tuning.catalog import BaseModel

QWEN = catalog.find_model("qwen/qwen3@qwen3-4b")
SIZES = catalog.architecture_of(QWEN.id).sizes
Header = Mapping[str, list[int]]
TABLE = [SIZES["vocab_size"], SIZES["hidden_size"]]
EMBEDDINGS = {"model.embed_tokens.weight": TABLE}


def layer(number: int) -> Header:
    """The tensors of one layer of Qwen 3 4B, whose heads have 128 entries."""
    parts = {
        "input_layernorm": [2560],
        "self_attn.q_proj": [4096, 2560],
        "self_attn.k_proj": [1024, 2560],
        "self_attn.v_proj": [1024, 2560],
        "self_attn.o_proj": [2560, 4096],
        "self_attn.q_norm": [128],
        "self_attn.k_norm": [128],
        "post_attention_layernorm": [2560],
        "mlp.gate_proj": [9728, 2560],
        "mlp.up_proj": [9728, 2560],
        "mlp.down_proj": [2560, 9728],
    }
    return {f"model.layers.{number}.{part}.weight": shape for part, shape in parts.items()}


LAYERS = {name: shape for number in range(36) for name, shape in layer(number).items()}
REST = {**LAYERS, "model.norm.weight": [2560]}
WHOLE = {**EMBEDDINGS, **REST}


class Sparse(NamedTuple):
    """A file that is noughts after its beginning: as large as a real one, and no space is taken for it."""

    head: bytes
    size: int


def safetensors(tensors: Header) -> Sparse:
    """A file in which each tensor has the bytes that its shape says."""
    header, at = {}, 0
    for name, shape in tensors.items():
        end = at + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return Sparse(struct.pack("<Q", len(text)) + text, 8 + len(text) + at)


class Folder:
    """A folder that a test spoils."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: bytes | str | dict[str, Any] | Sparse) -> None:
        """Write or replace a file."""
        if isinstance(content, dict):
            content = json.dumps(content)
        if isinstance(content, Sparse):
            self.write(name, content.head)
            os.truncate(self.path / name, content.size)
            return
        raw = content.encode() if isinstance(content, str) else content
        (self.path / name).write_bytes(raw)

    def drop(self, name: str) -> None:
        """Take a file away."""
        (self.path / name).unlink()

    def config(self, **changes: Any) -> None:
        """Change config.json; ``None`` takes a key out."""
        config = json.loads((self.path / "config.json").read_text()) | changes
        self.write("config.json", {key: value for key, value in config.items() if value is not None})

    def sharded(self, shards: Mapping[str, Header]) -> None:
        """Several files of tensors with an index in place of the one."""
        (self.path / "model.safetensors").unlink(missing_ok=True)
        for name, tensors in shards.items():
            self.write(name, safetensors(tensors))
        weight_map = {tensor: name for name, tensors in shards.items() for tensor in tensors}
        self.write("model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


@pytest.fixture
def base() -> BaseModel:
    return QWEN


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Folder]:
    def made(name: str = "model") -> Folder:
        (tmp_path / name).mkdir()
        folder = Folder(tmp_path / name)
        folder.write("config.json", {"model_type": "qwen3", "tie_word_embeddings": True, **SIZES})
        folder.write("tokenizer.json", {"model": {}})
        folder.write("tokenizer_config.json", {})
        folder.write("model.safetensors", safetensors(WHOLE))
        return folder

    return made


@pytest.fixture
def folder(make: Callable[[str], Folder]) -> Folder:
    return make("model")
