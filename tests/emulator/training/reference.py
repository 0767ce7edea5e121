"""A Llama forward pass written from its definition, one head at a time and in float64, to compare others
with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vertex_emulator.model.architecture import ModelConfig


def reference_logits(
    config: ModelConfig, weights: Mapping[str, np.ndarray], token_ids: Sequence[int]
) -> np.ndarray:
    """Scores [length, vocabulary] of what follows each token."""
    tensors = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    states = [tensors["model.embed_tokens.weight"][token] for token in token_ids]
    for index in range(config.num_hidden_layers):
        layer = {
            name.removeprefix(f"model.layers.{index}."): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"model.layers.{index}.")
        }
        normal = [_norm(config, state, layer["input_layernorm.weight"]) for state in states]
        states = [s + a for s, a in zip(states, _attention(config, layer, normal), strict=True)]
        for position, state in enumerate(states):
            normed = _norm(config, state, layer["post_attention_layernorm.weight"])
            gate = layer["mlp.gate_proj.weight"] @ normed
            inner = gate / (1 + np.exp(-gate)) * (layer["mlp.up_proj.weight"] @ normed)
            states[position] = state + layer["mlp.down_proj.weight"] @ inner
    finals = [_norm(config, state, tensors["model.norm.weight"]) for state in states]
    return np.array([tensors["lm_head.weight"] @ state for state in finals])


def _norm(config: ModelConfig, state: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.asarray(state / np.sqrt((state**2).mean() + config.rms_norm_eps) * weight)


def _turn(config: ModelConfig, vector: np.ndarray, position: int) -> np.ndarray:
    """Each pair of features (i, i + half) is a point in the plane, turned by an angle that its position
    decides."""
    half = config.head_dim // 2
    points = vector[:half] + 1j * vector[half:]
    turned = points * np.exp(1j * position * config.rope_theta ** (-np.arange(half) / half))
    return np.concatenate([turned.real, turned.imag])


def _attention(
    config: ModelConfig, layer: Mapping[str, np.ndarray], states: Sequence[np.ndarray]
) -> list[np.ndarray]:
    size, shared_by = config.head_dim, config.num_attention_heads // config.num_key_value_heads
    results = []
    for position, state in enumerate(states):
        before = states[: position + 1]
        heads = []
        for head in range(config.num_attention_heads):
            mine = slice(head * size, (head + 1) * size)
            theirs = slice(head // shared_by * size, (head // shared_by + 1) * size)
            query = _turn(config, layer["self_attn.q_proj.weight"][mine] @ state, position)
            keys = [
                _turn(config, layer["self_attn.k_proj.weight"][theirs] @ earlier, place)
                for place, earlier in enumerate(before)
            ]
            values = [layer["self_attn.v_proj.weight"][theirs] @ earlier for earlier in before]
            scores = np.array([query @ key / size**0.5 for key in keys])
            shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
            heads.append(sum(share * value for share, value in zip(shares, values, strict=True)))
        results.append(layer["self_attn.o_proj.weight"] @ np.concatenate(heads))
    return results
