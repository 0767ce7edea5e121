"""How a tuning job ends when it is asked to stop at an awkward moment, and what it leaves on the disk."""

import asyncio
from pathlib import Path

import pytest

from vertex_emulator.api import served
from vertex_emulator.jobs import attempt, tuning
from vertex_emulator.predictor import Predictor
from vertex_emulator.service import Service
from vertex_emulator.settings import Settings
from vertex_emulator.store.resources import Kind
from vertex_emulator.store.store import Store

PARENT = "projects/1/locations/us-central1"
NAME = f"{PARENT}/tuningJobs/1"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    store = Store(tmp_path)
    return Service(
        Settings(data=tmp_path, cache=tmp_path / "cache"), store, served.METHODS, Predictor(store, tmp_path)
    )


def test_a_job_that_was_asked_to_stop_before_its_first_step_does_not_begin(service: Service) -> None:
    """The cancel comes after the runner has made a task for the job, and before the task runs."""
    body = tuning.submitted(NAME, {}, 0.0)

    async def run() -> None:
        with service.store.database.transaction():
            record = service.store.resources.insert(Kind.TUNING_JOB, PARENT, NAME, body, now=0.0, due=0.0)
        task = asyncio.create_task(attempt.run(service, NAME))
        with service.store.database.transaction():
            tuning.cancelling(record.body, 1.0)
            service.store.resources.save(record)
        await task

    asyncio.run(run())

    ended = service.store.resources.get(NAME)
    assert (ended.body["state"], ended.due) == (tuning.CANCELLED, None)
    assert "startTime" not in ended.body
