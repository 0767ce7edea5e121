"""The tensors that a config.json describes: names and shapes, as Hugging Face writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Shape = tuple[int, ...]

_LAYER = {
    "input_layernorm": ("hidden",),
    "post_attention_layernorm": ("hidden",),
    "self_attn.q_proj": ("queries", "hidden"),
    "self_attn.k_proj": ("keys", "hidden"),
    "self_attn.v_proj": ("keys", "hidden"),
    "self_attn.o_proj": ("hidden", "queries"),
    "mlp.gate_proj": ("inner", "hidden"),
    "mlp.up_proj": ("inner", "hidden"),
    "mlp.down_proj": ("hidden", "inner"),
}
_LAYERS = {
    "llama": _LAYER,
    "qwen3": {**_LAYER, "self_attn.q_norm": ("head",), "self_attn.k_norm": ("head",)},
}
"""By ``model_type``: the tensors of one layer, with what their sizes are called below."""
_SIZES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "vocab_size",
)  # fmt: skip
_QWEN_HEAD = 128


def described(config: Mapping[str, Any]) -> dict[str, Shape]:
    """Every required tensor; none for an unknown architecture."""
    layer = _LAYERS.get(str(config.get("model_type")))
    sizes = [config.get(name) for name in _SIZES]
    if layer is None or not all(isinstance(size, int) and size > 0 for size in sizes):
        return {}
    hidden, inner, layers, heads, shared, vocabulary = (int(size or 0) for size in sizes)
    default = _QWEN_HEAD if config["model_type"] == "qwen3" else hidden // heads
    head = config.get("head_dim") or default
    if not isinstance(head, int) or head <= 0:
        return {}
    dims = {"hidden": hidden, "inner": inner, "queries": heads * head, "keys": shared * head, "head": head}
    tied = bool(config.get("tie_word_embeddings"))
    return dict(_named(layer, dims, layers, (vocabulary, hidden), tied=tied))


def _named(
    layer: Mapping[str, tuple[str, ...]],
    dims: Mapping[str, int],
    layers: int,
    table: Shape,
    *,
    tied: bool,
) -> Iterator[tuple[str, Shape]]:
    yield "model.embed_tokens.weight", table
    for number in range(layers):
        for part, shape in layer.items():
            yield f"model.layers.{number}.{part}.weight", tuple(dims[name] for name in shape)
    yield "model.norm.weight", (dims["hidden"],)
    if not tied:
        yield "lm_head.weight", table
