"""One worker process: its inputs, its start, its progress, its end."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vertex_emulator.catalog import longest_example
from vertex_emulator.store.store import Store
from vertex_emulator.training.spec import Progress, TrainingSpec, TuningMode
from vertex_emulator.weights import existing_object, find_weights, local_name

Json = dict[str, Any]
_LOOK_EVERY_S = 0.1
_STOP_S = 2.0
_ADAPTER_SIZES = {
    "ADAPTER_SIZE_ONE": 1,
    "ADAPTER_SIZE_TWO": 2,
    "ADAPTER_SIZE_FOUR": 4,
    "ADAPTER_SIZE_EIGHT": 8,
    "ADAPTER_SIZE_SIXTEEN": 16,
    "ADAPTER_SIZE_THIRTY_TWO": 32,
}
DEFAULT_EPOCHS = 1


def prepare(store: Store, folder: Path, cache: Path, job: Json, labelled: Path | None = None) -> TrainingSpec:
    """Put a job's inputs into a local folder and say what the worker is to do.

    With `labelled` a teacher answers the training rows first, and its answers are written there.
    The inputs are links to what the objects hold now: overwriting an object later does not change the run.
    Raises ApiError when an input has gone since the job was submitted.
    """
    spec = job["supervisedTuningSpec"]
    given = spec.get("hyperParameters", {})
    inputs = folder / "inputs"
    training = existing_object(store, spec["trainingDatasetUri"], "training_dataset_uri")
    store.blobs.materialise(training.blob, inputs / "training.jsonl")
    validation: Path | None = None
    if uri := spec.get("validationDatasetUri"):
        validation = inputs / "validation.jsonl"
        store.blobs.materialise(existing_object(store, uri, "validation_dataset_uri").blob, validation)
    base: Path | None = None
    if uri := job.get("customBaseModel"):
        weights = find_weights(store, uri, "custom_base_model")
        base = inputs / "base"
        for index, item in enumerate(weights.objects):
            store.blobs.materialise(item.blob, local_name(base, weights.uri.path, item.name, index))
    batch, rate = given.get("batchSize"), given.get("learningRate")
    adapter = _ADAPTER_SIZES.get(given.get("adapterSize", ""))
    return TrainingSpec(
        training_file=str(inputs / "training.jsonl"),
        validation_file=str(validation) if validation else None,
        output_dir=str(folder / "output"),
        cache_dir=str(cache),
        mode=TuningMode(spec["tuningMode"].removeprefix("TUNING_MODE_")),
        epochs=int(given.get("epochCount", DEFAULT_EPOCHS)),
        batch_size=int(batch) if batch is not None else None,
        learning_rate=rate,
        adapter_size=adapter,
        custom_base=str(base) if base else None,
        last_checkpoint_only=spec.get("exportLastCheckpointOnly", False),
        labelled_file=str(labelled) if labelled else None,
        longest=longest_example(job["baseModel"], spec["tuningMode"]),
    )


class WorkerFailed(Exception):
    """The worker ended without a model. `code` is a google.rpc.Code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def run(folder: Path, spec: TrainingSpec, on_progress: Callable[[Progress], None]) -> None:
    """Run a worker to its end; cancelling this coroutine stops it.

    Raises:
        WorkerFailed: with the worker's reason, or the tail of its log when it died without one.
    """
    spec_file, progress_file, log_file = folder / "spec.json", folder / "progress.json", folder / "worker.log"
    Path(spec.output_dir).mkdir(parents=True, exist_ok=True)
    spec_file.write_bytes(msgspec.json.encode(spec))
    arguments = ["-m", "vertex_emulator.jobs.leash", str(os.getpid()), str(spec_file), str(progress_file)]
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C at the server's terminal is for the server
        )
    try:
        seen = 0
        while process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _LOOK_EVERY_S)
            seen = _look(progress_file, seen, on_progress)
    finally:
        await _stop(process)
    if process.returncode != 0:
        raise _failure(progress_file, log_file, process.returncode or 0)


def read_progress(path: Path) -> Progress | None:
    """What a worker last reported, if it has."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _look(path: Path, seen: int, on_progress: Callable[[Progress], None]) -> int:
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return seen
    progress = read_progress(path) if changed != seen else None
    if progress is not None:
        on_progress(progress)
    return changed


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _failure(progress_file: Path, log_file: Path, status: int) -> WorkerFailed:
    progress = read_progress(progress_file)
    if progress is not None and progress.reason:
        return WorkerFailed(3, progress.reason)
    tail = log_file.read_text(errors="replace")[-500:].strip().replace("\n", " | ")
    return WorkerFailed(13, f"The training worker ended with status {status}. {tail}".strip())
