"""The Llama architecture in the sizes that the embedded service trains, in Hugging Face's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

MADE_BY = "vertex-emulator"
PROJECTIONS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of a Llama model; the field names are those of Hugging Face's LlamaConfig."""

    vocab_size: int
    bos_token_id: int
    eos_token_id: int
    pad_token_id: int
    hidden_size: int = 128
    intermediate_size: int = 256
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 32
    max_position_embeddings: int = 1024
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0


# What else config.json says, and what a checkpoint must say (or leave out) to be one that this code can
# compute.
FIXED: Mapping[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": False,
    "rope_scaling": None,
    "pretraining_tp": 1,
}
_INFORMATION: Mapping[str, Any] = {
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "torch_dtype": "float32",
    "use_cache": True,
    "made_by": MADE_BY,
}


def to_huggingface(config: ModelConfig) -> dict[str, Any]:
    """The content of config.json, labelled as made by the embedded service."""
    return {**FIXED, **msgspec.to_builtins(config), **_INFORMATION}


def from_huggingface(content: Mapping[str, Any]) -> ModelConfig:
    """The sizes that a config.json states; ValueError says in one line what this code cannot compute."""
    for name, expected in FIXED.items():
        if content.get(name, expected) != expected:
            raise ValueError(f"{name} is {content[name]!r}, and only {expected!r} can be computed here")
    if content.get("model_type") != FIXED["model_type"]:
        raise ValueError("it does not say model_type 'llama'")
    try:
        config = msgspec.convert(content, ModelConfig)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if min(msgspec.to_builtins(config).values()) < 0 or config.head_dim % 2:
        raise ValueError("its sizes are not those of a model")
    if config.num_attention_heads % max(config.num_key_value_heads, 1):
        raise ValueError("num_attention_heads is not a multiple of num_key_value_heads")
    return config


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of the checkpoint by its Hugging Face name; a projection's shape is (out, in)."""
    hidden, inner, vocabulary = config.hidden_size, config.intermediate_size, config.vocab_size
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    layer: dict[str, tuple[int, ...]] = {
        "input_layernorm": (hidden,),
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "post_attention_layernorm": (hidden,),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for index in range(config.num_hidden_layers):
        shapes |= {f"model.layers.{index}.{name}.weight": shape for name, shape in layer.items()}
    return shapes | {"model.norm.weight": (hidden,), "lm_head.weight": (vocabulary, hidden)}


def projection_names(config: ModelConfig) -> list[str]:
    """The tensors that an adapter adapts: every projection of attention and MLP, in each layer."""
    return [
        f"model.layers.{index}.{projection}.weight"
        for index in range(config.num_hidden_layers)
        for projection in PROJECTIONS
    ]
