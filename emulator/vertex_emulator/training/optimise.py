"""Gradient descent on what learns, with what does not learn held beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vertex_emulator.model.architecture import ModelConfig
from vertex_emulator.training.batches import Batch
from vertex_emulator.training.lora import SCALING, Adapter
from vertex_emulator.training.network import Tensors, losses

_OPTIMISER = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
_WARM_UP = 0.1
_FINAL_RATE = 0.1


class Trained(NamedTuple):
    """What learns: whole tensors, or adapters on frozen ones, both by tensor name."""

    tensors: Mapping[str, np.ndarray]
    adapters: Mapping[str, Adapter]


def use_cpu(cache_dir: Path) -> None:
    """Set JAX up for this process: only the CPU, and compiled steps are kept for the next job."""
    settings = {
        "jax_platforms": "cpu",
        "jax_compilation_cache_dir": str(cache_dir / "compiled"),
        "jax_persistent_cache_min_compile_time_secs": 0.1,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]


class Learner:
    """A model in training. `frozen` tensors are read and never written."""

    def __init__(self, config: ModelConfig, trained: Trained, frozen: Mapping[str, np.ndarray]) -> None:
        self._config = config
        self._trained = jax.device_put(trained)
        self._frozen = jax.device_put(dict(frozen))
        self._state = _initial_state(self._trained)

    def step(self, batch: Batch, rate: float) -> jax.Array:
        """One step of Adam; returns the mean loss before it, not waiting for the result."""
        loss: jax.Array
        self._trained, self._state, loss = _step(
            self._trained, self._state, self._frozen, batch, rate, config=self._config
        )
        return loss

    def loss(self, batches: Sequence[Batch]) -> float:
        """Mean nats per learned token over all batches."""
        loss = sum(float(_loss(self._trained, self._frozen, batch, config=self._config)) for batch in batches)
        return loss / sum(float(batch.weights.sum()) for batch in batches)

    def trained(self) -> Trained:
        """What has been learned so far, as NumPy arrays."""
        result: Trained = jax.tree.map(np.asarray, self._trained)
        return result


def rate_at(step: int, steps: int, peak: float) -> float:
    """The rate of one step: a linear rise over the first tenth, then half a cosine down to a tenth of it."""
    warm_up = max(1, round(steps * _WARM_UP))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return peak * (_FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done)))


def _effective(trained: Trained, frozen: Tensors) -> Tensors:
    adapted = {
        name: frozen[name] + SCALING * (pair.up @ pair.down) for name, pair in trained.adapters.items()
    }
    return {**frozen, **trained.tensors, **adapted}


def _summed_loss(trained: Trained, frozen: Tensors, part: Batch, config: ModelConfig) -> jax.Array:
    each = losses(_effective(trained, frozen), config, jnp.asarray(part.inputs), jnp.asarray(part.targets))
    return jnp.sum(each * part.weights)


@partial(jax.jit, static_argnames="config")
def _loss(trained: Trained, frozen: Tensors, batch: Batch, *, config: ModelConfig) -> jax.Array:
    return jnp.sum(jax.lax.map(lambda part: _summed_loss(trained, frozen, part, config), batch))


_initial_state = jax.jit(_OPTIMISER.init)


# The rate is an argument, not part of the optimiser, so that one compiled step serves many jobs.
@partial(jax.jit, static_argnames="config", donate_argnames=("trained", "state"))
def _step(
    trained: Trained,
    state: optax.OptState,
    frozen: Tensors,
    batch: Batch,
    rate: float,
    *,
    config: ModelConfig,
) -> tuple[Trained, optax.OptState, jax.Array]:
    def add(total: Any, part: Batch) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, gradient(trained, frozen, part, config)), None

    gradient = jax.value_and_grad(_summed_loss)
    nothing = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, trained))
    total, _ = jax.lax.scan(add, nothing, batch)
    loss, gradients = jax.tree.map(lambda summed: summed / jnp.sum(batch.weights), total)
    directions, state = _OPTIMISER.update(gradients, state)
    moved = jax.tree.map(lambda weight, direction: weight - rate * direction, trained, directions)
    return moved, state, loss
