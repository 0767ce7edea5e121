"""The life of a tuning job as pure changes of its resource."""

from typing import Any

from vertex_emulator.wire.times import rfc3339

Json = dict[str, Any]

EXPERIMENT = "tuning-experiment-"
"""Before a job's id, the id of its experiment."""
PENDING = "JOB_STATE_PENDING"
RUNNING = "JOB_STATE_RUNNING"
CANCELLING = "JOB_STATE_CANCELLING"
CANCELLED = "JOB_STATE_CANCELLED"
SUCCEEDED = "JOB_STATE_SUCCEEDED"
PARTIALLY_SUCCEEDED = "JOB_STATE_PARTIALLY_SUCCEEDED"
FAILED = "JOB_STATE_FAILED"
ACTIVE = frozenset({PENDING, RUNNING})
"""States in which a job can be cancelled."""


def submitted(name: str, inputs: Json, now: float) -> Json:
    """A new job."""
    stamp = rfc3339(now)
    return {"name": name, **inputs, "state": PENDING, "createTime": stamp, "updateTime": stamp}


def started(body: Json, parent: str, now: float) -> None:
    """Its worker runs in the region that is `parent`.

    After a restart of the emulator a job starts again but keeps its start time.
    """
    body["state"] = RUNNING
    body.setdefault("startTime", rfc3339(now))
    body["experiment"] = experiment_of(parent, body["name"].rpartition("/")[2])
    body.pop("tunedModel", None)
    body["updateTime"] = rfc3339(now)


def experiment_of(parent: str, job_id: str) -> str:
    """The context in Vertex ML Metadata that leads to a job's loss."""
    return f"{parent}/metadataStores/default/contexts/{EXPERIMENT}{job_id}"


def epochs_ended(body: Json, epochs: int, steps_per_epoch: int, now: float) -> bool:
    """Show a checkpoint for every epoch that has ended; says whether that changed anything."""
    shown = body.get("tunedModel", {}).get("checkpoints", [])
    if len(shown) >= epochs:
        return False
    body["tunedModel"] = {
        "checkpoints": [
            {"checkpointId": str(epoch), "epoch": str(epoch), "step": str(epoch * steps_per_epoch)}
            for epoch in range(1, epochs + 1)
        ]
    }
    body["updateTime"] = rfc3339(now)
    return True


def cancelling(body: Json, now: float) -> None:
    """It has been asked to stop."""
    body["state"] = CANCELLING
    body["updateTime"] = rfc3339(now)


def _ended(body: Json, state: str, now: float) -> None:
    stamp = rfc3339(now)
    body.update(state=state, endTime=stamp, updateTime=stamp)


def cancelled(body: Json, now: float) -> None:
    """It has stopped."""
    _ended(body, CANCELLED, now)
    body["error"] = {"code": 1, "message": "The tuning job was cancelled."}


def failed(body: Json, code: int, message: str, now: float) -> None:
    """It has failed; what it had shown of a tuned model is gone."""
    _ended(body, FAILED, now)
    body.pop("tunedModel", None)
    body["error"] = {"code": code, "message": message}


def succeeded(body: Json, model: str, stats: Json, now: float) -> None:
    """Its artifacts are in place and its model, `…/models/ID@N`, is in the registry."""
    _ended(body, SUCCEEDED, now)
    body["tunedModel"] = {**body.get("tunedModel", {}), "model": model}
    body["tuningDataStats"] = {"supervisedTuningDataStats": stats}


def succeeded_in_part(body: Json, code: int, message: str, now: float) -> None:
    """It has ended with an error, and what it has written stays; no model is registered."""
    _ended(body, PARTIALLY_SUCCEEDED, now)
    body["error"] = {"code": code, "message": message}
