"""The forward pass of a Llama model in NumPy, with a cache of earlier positions."""

from __future__ import annotations

import numpy as np

from vertex_emulator.model.architecture import ModelConfig
from vertex_emulator.model.checkpoint import Weights


class Cache:
    """Keys and values [layers, heads, positions, features] of the tokens read so far."""

    def __init__(self, config: ModelConfig, capacity: int) -> None:
        shape = (config.num_hidden_layers, config.num_key_value_heads, capacity, config.head_dim)
        self.keys = np.empty(shape, dtype=np.float32)
        self.values = np.empty(shape, dtype=np.float32)
        self.length = 0


class Network:
    """A model ready to compute: tensors by Hugging Face name, and the angles of every position."""

    def __init__(self, config: ModelConfig, weights: Weights) -> None:
        self._config = config
        self._weights = weights
        half = np.arange(0, config.head_dim, 2, dtype=np.float32)
        frequencies = config.rope_theta ** (-half / config.head_dim)
        angles = np.arange(config.max_position_embeddings, dtype=np.float32)[:, None] * frequencies
        self._cosine = np.cos(np.concatenate([angles, angles], axis=-1)).astype(np.float32)
        self._sine = np.sin(np.concatenate([angles, angles], axis=-1)).astype(np.float32)

    def read(self, tokens: np.ndarray, cache: Cache) -> np.ndarray:
        """Read tokens [length] after those in the cache, and return hidden states [length, hidden]."""
        hidden = self._weights["model.embed_tokens.weight"][tokens]
        for index in range(self._config.num_hidden_layers):
            layer = f"model.layers.{index}."
            normal = self._normalise(hidden, layer + "input_layernorm.weight")
            hidden = hidden + self._attention(layer + "self_attn.", normal, index, cache)
            normal = self._normalise(hidden, layer + "post_attention_layernorm.weight")
            hidden = hidden + self._mlp(layer + "mlp.", normal)
        cache.length += len(tokens)
        return self._normalise(hidden, "model.norm.weight")

    def scores(self, hidden: np.ndarray) -> np.ndarray:
        """Logits [..., vocabulary] of hidden states [..., hidden]."""
        scores: np.ndarray = hidden @ self._weights["lm_head.weight"].T
        return scores

    def _normalise(self, hidden: np.ndarray, name: str) -> np.ndarray:
        mean_square = np.mean(np.square(hidden), axis=-1, keepdims=True)
        normal: np.ndarray = hidden / np.sqrt(mean_square + np.float32(self._config.rms_norm_eps))
        return normal * self._weights[name]

    def _attention(self, name: str, hidden: np.ndarray, layer: int, cache: Cache) -> np.ndarray:
        config, start, length = self._config, cache.length, len(hidden)
        end = start + length
        queries = self._rotate(self._heads(name + "q_proj.weight", hidden), start)
        cache.keys[layer, :, start:end] = self._rotate(self._heads(name + "k_proj.weight", hidden), start)
        cache.values[layer, :, start:end] = self._heads(name + "v_proj.weight", hidden)
        # Each head of keys serves a group of heads of queries: [groups, heads in the group, length,
        # features].
        queries = queries.reshape(config.num_key_value_heads, -1, length, config.head_dim)
        keys, values = cache.keys[layer, :, None, :end], cache.values[layer, :, None, :end]
        scores = queries @ keys.swapaxes(-1, -2) * np.float32(config.head_dim**-0.5)
        scores += np.triu(np.full((length, end), -np.inf, dtype=np.float32), k=start + 1)
        scores -= scores.max(axis=-1, keepdims=True)
        attention = np.exp(scores)
        attention /= attention.sum(axis=-1, keepdims=True)
        mixed = (attention @ values).reshape(-1, length, config.head_dim)
        return self._project(name + "o_proj.weight", mixed.swapaxes(0, 1).reshape(length, -1))

    def _mlp(self, name: str, hidden: np.ndarray) -> np.ndarray:
        gate = self._project(name + "gate_proj.weight", hidden)
        gate *= 0.5 + 0.5 * np.tanh(0.5 * gate)  # SiLU, in the form that cannot overflow
        return self._project(name + "down_proj.weight", gate * self._project(name + "up_proj.weight", hidden))

    def _heads(self, name: str, hidden: np.ndarray) -> np.ndarray:
        """Project and part into heads: [heads, length, features]."""
        return self._project(name, hidden).reshape(len(hidden), -1, self._config.head_dim).swapaxes(0, 1)

    def _project(self, name: str, hidden: np.ndarray) -> np.ndarray:
        projected: np.ndarray = hidden @ self._weights[name].T
        return projected

    def _rotate(self, vectors: np.ndarray, start: int) -> np.ndarray:
        end = start + vectors.shape[1]
        first, second = np.split(vectors, 2, axis=-1)
        turned = np.concatenate([-second, first], axis=-1)
        rotated: np.ndarray = vectors * self._cosine[start:end] + turned * self._sine[start:end]
        return rotated
