"""The loop that moves on what was submitted: steps of operations that are due, and tuning jobs."""

import asyncio
import contextlib
import logging

from vertex_emulator.jobs import attempt, operations, tuning
from vertex_emulator.service import Service
from vertex_emulator.settings import MAX_WORKERS
from vertex_emulator.store.resources import Kind

_LOG = logging.getLogger(__name__)
_LONGEST_SLEEP_S = 60.0
_AFTER_TROUBLE_S = 1.0


class Runner:
    """Runs on the event loop as one task, with one more task for each job that has a worker."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._store = service.store
        self._jobs: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until cancelled; cancelling stops the workers, whose jobs start again with the next server."""
        try:
            while True:
                self._service.changed.clear()
                try:
                    self._advance_operations()
                    self._advance_jobs()
                    pause = self._until_next()
                except Exception:  # noqa: BLE001 - such as a full disk: continue when it is over
                    _LOG.exception("The emulator's runner failed; retrying")
                    pause = _AFTER_TROUBLE_S
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._service.changed.wait(), pause)
        finally:
            for task in self._jobs.values():
                task.cancel()
            await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    def _advance_operations(self) -> None:
        for operation in self._store.operations.due(self._service.now()):
            with self._store.database.transaction():
                operations.advance(self._service, operation)

    def _until_next(self) -> float:
        waiting = [
            record.due for record in self._store.resources.unsettled(Kind.TUNING_JOB)
            if record.due is not None and record.name not in self._jobs and record.due > self._service.now()
        ]  # fmt: skip
        due = self._store.operations.next_due()
        if due is not None:
            waiting.append(due)
        return max(0.0, min([*(at - self._service.now() for at in waiting), _LONGEST_SLEEP_S]))

    def _advance_jobs(self) -> None:
        now = self._service.now()
        for record in self._store.resources.unsettled(Kind.TUNING_JOB):
            task = self._jobs.get(record.name)
            if record.body["state"] == tuning.CANCELLING:
                if task is None:
                    attempt.settle_cancelled(self._service, record.name)
                elif not task.cancelling():
                    task.cancel()
            elif task is None and (record.due or 0.0) <= now and len(self._jobs) < MAX_WORKERS:
                self._start(record.name)

    def _start(self, name: str) -> None:
        task = asyncio.create_task(attempt.run(self._service, name))
        self._jobs[name] = task
        task.add_done_callback(lambda _: self._finished(name))

    def _finished(self, name: str) -> None:
        self._jobs.pop(name, None)
        self._service.wake()
