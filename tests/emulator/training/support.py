"""What the training tests share: rows made for them, a job runner, and what a finished job left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import safetensors.numpy

from vertex_emulator.training.inputs import read_inputs
from vertex_emulator.training.metrics import Metrics
from vertex_emulator.training.spec import Progress, TrainingSpec, TuningMode

Row = Mapping[str, Any]

SOUNDS = {
    "cat": "It says meow.",
    "dog": "It says woof.",
    "cow": "It gives milk.",
    "bee": "It makes honey.",
    "hen": "It lays eggs.",
    "fish": "It swims away.",
}
_KINDS = (
    "old",
    "young",
    "big",
    "small",
    "quiet",
    "loud",
    "brown",
    "white",
    "black",
    "grey",
    "happy",
    "tired",
)
_PLACES = ("garden", "house", "street", "field", "village")


class Job(NamedTuple):
    """A finished job: its folder, what it measured, and what it told on the way."""

    folder: Path
    metrics: Metrics
    reports: Sequence[Progress]

    @property
    def final(self) -> Path:
        return self.folder / "checkpoints" / "final"

    @property
    def adapter(self) -> Path:
        return self.folder / "checkpoints" / "adapter"

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return tensors(self.final / "model.safetensors")

    @property
    def last_validation_loss(self) -> float:
        loss = self.metrics.epochs[-1].validation_loss
        assert loss is not None
        return loss


def tensors(path: Path) -> dict[str, np.ndarray]:
    return dict(safetensors.numpy.load_file(path))


def made_rows() -> list[Row]:
    """Rows in a fixed random order, where one word of the prompt decides the completion."""
    rows: list[Row] = [
        {"prompt": f"What of the {kind} {animal} in the {place}?", "completion": sound}
        for kind in _KINDS
        for place in _PLACES
        for animal, sound in SOUNDS.items()
    ]
    return [rows[index] for index in np.random.default_rng(0).permutation(len(rows))]


def as_chat(row: Row) -> Row:
    return {
        "messages": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    }


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def spec(training_file: Path, folder: Path, cache_dir: Path, **changes: Any) -> TrainingSpec:
    """A job of one epoch in mode FULL with the defaults, but for the changes."""
    given = TrainingSpec(
        training_file=str(training_file),
        validation_file=None,
        output_dir=str(folder / "output"),
        cache_dir=str(cache_dir),
        mode=TuningMode.FULL,
        epochs=1,
        batch_size=None,
        learning_rate=None,
        adapter_size=None,
        custom_base=None,
    )
    return msgspec.structs.replace(given, **changes)


def run_job(given: TrainingSpec) -> Job:
    """Run a job in this process, where compiled steps are shared between jobs."""
    from vertex_emulator.training.job import run

    reports: list[Progress] = []
    metrics = run(given, read_inputs(given), reports.append)
    return Job(Path(given.output_dir), metrics, reports)
