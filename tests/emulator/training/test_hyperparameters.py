from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.emulator.training.support import spec
from vertex_emulator.training.hyperparameters import Hyperparameters, resolve
from vertex_emulator.training.optimise import rate_at
from vertex_emulator.training.spec import TrainingError, TrainingSpec, TuningMode

ADAPTER = TuningMode.PEFT_ADAPTER


def job(**changes: Any) -> TrainingSpec:
    return spec(Path("rows.jsonl"), Path("job"), Path("cache"), **changes)


def numbers(rate: float, adapter: int | None, batch: int = 8, epochs: int = 1) -> Hyperparameters:
    return Hyperparameters(epochs=epochs, batch_size=batch, learning_rate=rate, adapter_size=adapter)


RESOLVED = {
    "all weights learn slowly by default": (job(), numbers(3e-3, None)),
    "an adapter learns faster": (job(mode=ADAPTER), numbers(6e-3, 16)),
    "a rate is taken as it is": (job(learning_rate=2e-5), numbers(2e-5, None)),
    "everything can be said": (
        job(mode=ADAPTER, epochs=4, batch_size=2, learning_rate=0.1, adapter_size=4),
        numbers(0.1, 4, batch=2, epochs=4),
    ),
}


@pytest.mark.parametrize(("given", "expected"), RESOLVED.values(), ids=RESOLVED)
def test_what_a_job_leaves_open_has_a_default(given: TrainingSpec, expected: Hyperparameters) -> None:
    assert resolve(given) == expected


REFUSED = {
    "a rate of nothing": (job(learning_rate=0.0), "learning rate must be a positive number"),
    "an endless rate": (
        job(learning_rate=float("inf")),
        "learning rate must be a positive number",
    ),
    "no epoch": (job(epochs=0), "epochs must be at least 1, not 0"),
    "no row in a batch": (job(batch_size=0), "batch_size must be at least 1, not 0"),
    "an adapter of nothing": (job(mode=ADAPTER, adapter_size=0), "adapter_size must be at least 1, not 0"),
    "an adapter in mode FULL": (job(adapter_size=8), "mode FULL has no adapter"),
}


@pytest.mark.parametrize(("given", "reason"), REFUSED.values(), ids=REFUSED)
def test_numbers_that_cannot_be_trained_with(given: TrainingSpec, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        resolve(given)


def test_the_rate_rises_for_a_tenth_and_falls_to_a_tenth() -> None:
    rates = [rate_at(step, 100, 1.0) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert rate_at(0, 1, 1.0) == 1.0, "a single step is taken in full"


def test_a_spec_survives_its_file_and_refuses_what_it_does_not_know() -> None:
    given = job(mode=ADAPTER, learning_rate=1e-3, seed=7)
    encoded = msgspec.json.encode(given)
    assert msgspec.json.decode(encoded, type=TrainingSpec) == given
    with pytest.raises(msgspec.ValidationError, match="unknown field `warmup`"):
        msgspec.json.decode(encoded.replace(b'"seed"', b'"warmup"'), type=TrainingSpec)
