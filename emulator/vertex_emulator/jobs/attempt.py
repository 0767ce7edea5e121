"""One attempt at a tuning job: from its inputs to its artifacts, its model and its last state."""

import asyncio
import json
import logging
import shutil
import uuid
from pathlib import Path
from typing import Any

import msgspec

from vertex_emulator.catalog import ARTIFACTS, FINAL_WEIGHTS
from vertex_emulator.containers import serving_container
from vertex_emulator.jobs import operations, regional, tuning, worker
from vertex_emulator.jobs.distillation import LABELLED, is_distillation
from vertex_emulator.jobs.publish import adopt_files
from vertex_emulator.jobs.stats import data_stats
from vertex_emulator.registry import add_version
from vertex_emulator.service import Service
from vertex_emulator.store.objects import Object
from vertex_emulator.store.resources import Record
from vertex_emulator.training.spec import Progress, TrainingSpec
from vertex_emulator.wire.errors import ApiError, precondition
from vertex_emulator.wire.names import GcsUri, gcs_uri

Json = dict[str, Any]
_LOG = logging.getLogger(__name__)


async def run(service: Service, name: str) -> None:
    """Start a job's worker and see the job through to a state.

    When this is cancelled the worker stops: a job that was asked to stop is cancelled then, and one whose
    server is stopping stays as it is, for the next server to start again.
    """
    try:
        await _run(service, name)
    except asyncio.CancelledError:
        settle_cancelled(service, name)
        raise
    except (worker.WorkerFailed, ApiError) as error:
        _settle_failed(service, name, error.code, error.message)
    except Exception:  # noqa: BLE001 - a job must end with a reason, whatever happened to it
        _LOG.exception("The tuning job %s failed in the emulator itself", name)
        _settle_failed(service, name, 13, "Internal error of the embedded Vertex AI; its log says more.")


async def _run(service: Service, name: str) -> None:
    attempts = service.store.job_folder(name.rpartition("/")[2])
    shutil.rmtree(attempts, ignore_errors=True)  # of a server that was killed meanwhile
    folder = attempts / uuid.uuid4().hex
    try:
        record = _started(service, name, folder)
        if record is None:
            settle_cancelled(service, name)
            return
        job = record.body
        labelled = folder / "labelled" / LABELLED if is_distillation(record) else None
        spec = worker.prepare(service.store, folder, service.settings.cache, job, labelled)
        await worker.run(folder, spec, lambda progress: _on_progress(service, name, progress))
        target = gcs_uri(job["outputUri"], "output_uri")
        stats, objects = await _gathered(service, folder, spec, job, target)
        try:
            if fault := service.store.resources.get(name).private.get("fault"):
                _settle_in_part(service, name, objects, fault)
            else:
                _settle_succeeded(service, name, target, objects, stats)
        except ApiError:
            _give_up(service, objects)
            raise
    finally:
        for part in ("inputs", "output", "labelled"):
            shutil.rmtree(folder / part, ignore_errors=True)


def _started(service: Service, name: str, folder: Path) -> Record | None:
    """Mark a job as running and give it; None if it was asked to stop before it began.

    Raises WorkerFailed if a fault asks for that.
    """
    with service.store.database.transaction():
        record = service.store.resources.get(name)
        if record.body["state"] not in tuning.ACTIVE:
            return None
        tuning.started(record.body, regional.parent_of(record), service.now())
        record.private["folder"] = str(folder.relative_to(service.store.data))
        service.store.resources.save(record)
    fault = record.private.get("fault")
    if fault and fault["type"] == "job_failure":
        raise worker.WorkerFailed(fault["code"], fault["message"])
    return record


def _on_progress(service: Service, name: str, progress: Progress) -> None:
    """Show the epochs that have ended as checkpoints, unless the job wants its last one only."""
    if progress.steps <= 0 or progress.epochs <= 0:
        return
    with service.store.database.transaction():
        record = service.store.resources.get(name)
        if record.body["state"] != tuning.RUNNING:
            return
        losses = msgspec.to_builtins(progress.losses)
        changed = record.private.get("losses", []) != losses
        record.private["losses"] = losses
        per_epoch = progress.steps // progress.epochs
        if not record.body["supervisedTuningSpec"].get("exportLastCheckpointOnly", False):
            changed |= tuning.epochs_ended(record.body, progress.epoch, per_epoch, service.now())
        if changed:
            service.store.resources.save(record)


async def _gathered(
    service: Service, folder: Path, spec: TrainingSpec, job: Json, target: GcsUri
) -> tuple[Json, list[Object]]:
    """What `_gather` gives. When this is cancelled the thread still runs to its end, and is waited for."""
    gathering = asyncio.create_task(asyncio.to_thread(_gather, service, folder, spec, job, target))
    try:
        return await asyncio.shield(gathering)
    except asyncio.CancelledError:
        _, objects = await gathering
        _give_up(service, objects)
        raise


def _give_up(service: Service, objects: list[Object]) -> None:
    """Remove the bytes of objects that are not going to be."""
    for item in objects:
        service.store.blobs.remove(item.blob)


def _gather(
    service: Service, folder: Path, spec: TrainingSpec, job: Json, target: GcsUri
) -> tuple[Json, list[Object]]:
    """What the job says about its data, and its output as objects. Runs in a thread and touches no books."""
    output = Path(spec.output_dir)
    progress = worker.read_progress(folder / "progress.json")
    metrics = json.loads((output / "metrics.json").read_bytes())
    stats = data_stats(job, Path(spec.training_file), metrics, progress.steps if progress else 0)
    made = adopt_files(service.store, output, target.child(ARTIFACTS), service.now())
    return stats, made + adopt_files(service.store, folder / "labelled", target, service.now())


def _settle_succeeded(
    service: Service, name: str, target: GcsUri, objects: list[Object], stats: Json
) -> None:
    with service.store.database.transaction():
        if service.store.objects.bucket(target.bucket) is None:
            raise precondition(f"The bucket of output_uri, '{target.bucket}', does not exist any more.")
        for item in objects:
            service.store.objects.put(item)
        record, now = service.store.resources.get(name), service.now()
        weights = str(target.child(FINAL_WEIGHTS))
        given = {
            "displayName": record.body.get("tunedModelDisplayName") or f"tuned-{name.rpartition('/')[2]}",
            "artifactUri": weights,
            "containerSpec": serving_container(weights, base_model=record.body["baseModel"]),
            "labels": record.body.get("labels", {}),
        }
        parent = regional.parent_of(record)
        model = add_version(service, parent, f"{parent}/models/{operations.new_id()}", given, now)
        tuning.succeeded(record.body, model.name, stats, now)
        _settle(service, record)


def _settle_in_part(service: Service, name: str, objects: list[Object], fault: Json) -> None:
    """Keep of the output what the fault leaves, and end the job with its error."""
    left_out = {"all": (), "checkpoints": ("/final/",), "none": ("/checkpoints/",)}[fault["weights"]]
    gone = [item for item in objects if any(part in item.name for part in left_out)]
    with service.store.database.transaction():
        for item in objects:
            if item not in gone:
                service.store.objects.put(item)
        record = service.store.resources.get(name)
        tuning.succeeded_in_part(record.body, fault["code"], fault["message"], service.now())
        _settle(service, record)
    _give_up(service, gone)


def _settle_failed(service: Service, name: str, code: int, message: str) -> None:
    with service.store.database.transaction():
        record = service.store.resources.get(name)
        tuning.failed(record.body, code, message, service.now())
        _settle(service, record)


def settle_cancelled(service: Service, name: str) -> None:
    """End a job if it was asked to stop."""
    with service.store.database.transaction():
        record = service.store.resources.get(name)
        if record.body["state"] == tuning.CANCELLING:
            tuning.cancelled(record.body, service.now())
            _settle(service, record)


def _settle(service: Service, record: Record) -> None:
    record.due = None
    service.store.resources.save(record)
