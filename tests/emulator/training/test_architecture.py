from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vertex_emulator.model.architecture import from_huggingface, tensor_shapes, to_huggingface

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("llama_tensors.json").read_text())


def test_names_and_shapes_are_those_of_transformers() -> None:
    shapes = tensor_shapes(from_huggingface(TABLE["config"]))
    assert {name: list(shape) for name, shape in shapes.items()} == TABLE["tensors"], TABLE["made_with"]


def test_the_config_file_is_the_one_that_the_table_was_made_with() -> None:
    assert to_huggingface(from_huggingface(TABLE["config"])) == TABLE["config"]
    assert TABLE["config"]["made_by"] == "vertex-emulator"


REFUSED = {
    "another family": ({"model_type": "qwen2"}, "model_type is 'qwen2'"),
    "another head": ({"architectures": ["LlamaForSequenceClassification"]}, "architectures is"),
    "stretched positions": ({"rope_scaling": {"rope_type": "llama3"}}, "rope_scaling is"),
    "tied embeddings": ({"tie_word_embeddings": True}, "tie_word_embeddings is True"),
    "no type": ({"model_type": None}, "model_type is None"),
    "a size that is text": ({"hidden_size": "wide"}, r"Expected `int`, got `str` - at `\$.hidden_size`"),
    "heads that do not part evenly": ({"num_key_value_heads": 3}, "not a multiple"),
    "an odd head, which cannot turn": ({"head_dim": 33}, "not those of a model"),
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_computed_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_huggingface({**TABLE["config"], **changes})
