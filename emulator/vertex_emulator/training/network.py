"""The forward pass of a Llama model in JAX, on tensors by their Hugging Face names."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from vertex_emulator.model.architecture import ModelConfig

Tensors = Mapping[str, jax.Array]


def logits(weights: Tensors, config: ModelConfig, tokens: jax.Array) -> jax.Array:
    """Scores [rows, length, vocabulary] of what follows each of the tokens [rows, length]."""
    hidden = weights["model.embed_tokens.weight"][tokens]
    cosine, sine = _rotation(config, tokens.shape[1])
    for index in range(config.num_hidden_layers):
        layer = f"model.layers.{index}."
        normal = _normalise(hidden, weights[layer + "input_layernorm.weight"], config)
        hidden = hidden + _attention(weights, layer + "self_attn.", config, normal, cosine, sine)
        normal = _normalise(hidden, weights[layer + "post_attention_layernorm.weight"], config)
        hidden = hidden + _mlp(weights, layer + "mlp.", normal)
    return _normalise(hidden, weights["model.norm.weight"], config) @ weights["lm_head.weight"].T


def losses(weights: Tensors, config: ModelConfig, inputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Nats [rows, length] that the model loses on each target."""
    scores = logits(weights, config, inputs)
    # Comparing instead of gathering: the gradient of a gather is a scatter, which is slow on a CPU.
    chosen = jnp.where(jnp.arange(config.vocab_size) == targets[..., None], scores, 0.0).sum(-1)
    return jax.nn.logsumexp(scores, axis=-1) - chosen


def _normalise(hidden: jax.Array, weight: jax.Array, config: ModelConfig) -> jax.Array:
    mean_square = jnp.mean(jnp.square(hidden), axis=-1, keepdims=True)
    return hidden * jax.lax.rsqrt(mean_square + config.rms_norm_eps) * weight


def _attention(
    weights: Tensors, name: str, config: ModelConfig, hidden: jax.Array, cosine: jax.Array, sine: jax.Array
) -> jax.Array:
    rows, length, _ = hidden.shape
    groups = config.num_key_value_heads
    queries = (hidden @ weights[name + "q_proj.weight"].T).reshape(rows, length, groups, -1, config.head_dim)
    keys = (hidden @ weights[name + "k_proj.weight"].T).reshape(rows, length, groups, 1, config.head_dim)
    values = (hidden @ weights[name + "v_proj.weight"].T).reshape(rows, length, groups, config.head_dim)
    queries = _rotate(queries, cosine, sine)
    keys = _rotate(keys, cosine, sine)[:, :, :, 0]
    # Axes: r row, t the asking and s the asked position, g group of heads, h head in its group, d feature.
    scores = jnp.einsum("rtghd,rsgd->rghts", queries, keys) * config.head_dim**-0.5
    past = jnp.tril(jnp.ones((length, length), dtype=bool))
    attention = jax.nn.softmax(jnp.where(past, scores, -jnp.inf), axis=-1)
    mixed = jnp.einsum("rghts,rsgd->rtghd", attention, values).reshape(rows, length, -1)
    return mixed @ weights[name + "o_proj.weight"].T


def _mlp(weights: Tensors, name: str, hidden: jax.Array) -> jax.Array:
    gate = jax.nn.silu(hidden @ weights[name + "gate_proj.weight"].T)
    return (gate * (hidden @ weights[name + "up_proj.weight"].T)) @ weights[name + "down_proj.weight"].T


def _rotation(config: ModelConfig, length: int) -> tuple[jax.Array, jax.Array]:
    half = jnp.arange(0, config.head_dim, 2, dtype=jnp.float32)
    frequencies = config.rope_theta ** (-half / config.head_dim)
    angles = jnp.arange(length, dtype=jnp.float32)[:, None] * frequencies
    angles = jnp.concatenate([angles, angles], axis=-1)[:, None, None, :]
    return jnp.cos(angles), jnp.sin(angles)


def _rotate(vectors: jax.Array, cosine: jax.Array, sine: jax.Array) -> jax.Array:
    first, second = jnp.split(vectors, 2, axis=-1)
    return vectors * cosine + jnp.concatenate([-second, first], axis=-1) * sine
