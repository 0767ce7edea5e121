"""Tuning jobs in memory: they wait, run and end as the clock goes on, and leave weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tests.support.fake_storage import FakeStorage
from tests.support.fake_world import Served, World, called, canonical, number_of
from vertex_tuning import checkpoints
from vertex_tuning.catalog import (
    ADAPTER_SIZES,
    GLOBAL,
    LABELLED,
    TEACHERS,
    FailureKind,
    known_model,
    short_id,
    tuning_locations,
)
from vertex_tuning.vertex.client import Checkpoint, Job, JobRequest, JobState, Losses, LossPoint
from vertex_tuning.vertex.errors import FailedPrecondition, InvalidRequest, QuotaExceeded, failure_of

REGION_OF_GLOBAL = "us-central1"
"""Where Google is to run the jobs at ``global``."""


@dataclass
class Tuning:
    """One job: what was asked for, and when what happened."""

    name: str
    request: JobRequest
    created: float
    started: float | None = None
    ended: float | None = None
    state: JobState = JobState.WAITING
    reason: str | None = None
    fault: tuple[int, str] | None = None
    failure: FailureKind | None = None
    cancelling: bool = False
    leaves: str = ""
    dropped: int = 0

    def view(self) -> Job:
        return Job(
            name=self.name,
            state=self.state,
            base_model=short_id(self.request.base_model),
            output_uri=self.request.output_uri,
            mode=self.request.mode,
            epochs=self.request.epochs,
            labels=dict(self.request.labels),
            custom_base_model=self.request.custom_base_model,
            teacher=self.request.teacher,
            learning_rate=self.request.learning_rate,
            adapter_size=self.request.adapter_size,
            batch_size=self.request.batch_size,
            reason=self.reason,
            failure=self.failure,
            training_uri=self.request.training_uri,
            validation_uri=self.request.validation_uri or "",
            created=_time(self.created),
            started=_time(self.started),
            ended=_time(self.ended),
            dropped=self.dropped if self.state is JobState.SUCCEEDED else 0,
            experiment=_experiment(self.name) if self.started is not None else "",
            checkpoint=Checkpoint(self.request.epochs, self.request.epochs)
            if self.state is JobState.SUCCEEDED
            else None,
        )


class FakeJobs(Served):
    """``client.TuningJobs`` in memory.

    Attributes:
        quota: jobs at once, per project.
        dropped: examples that the next jobs drop, because they are too long.
        in_part: what the next jobs leave that end as succeeded in part: all, checkpoints or none.
        lag: seconds until a list shows a new job.
        failing: codes and messages with which the next jobs fail, in turn.
        not_at_global: base models that are tuned in regions only.
        regional: of each job at ``global``, the name of its regional job.
    """

    kind = "jobs"

    def __init__(self, world: World, storage: FakeStorage) -> None:
        super().__init__(world)
        self._storage = storage
        world.moving.append(self._advance)
        self.all: dict[str, Tuning] = {}
        self.failing: list[tuple[int, str]] = []
        self.in_part: list[str] = []
        self.dropped = 0
        self.not_at_global: set[str] = set()
        self.regional: dict[str, str] = {}
        self.quota = 1
        self.lag = 0.0
        self.pending_seconds = 8.0
        self.training_seconds = 60.0

    @called
    def create(self, project: str, region: str, request: JobRequest) -> Job:
        self._check(request, region)
        place = canonical(f"projects/{project}/locations/{region}")
        active = [job for job in self.all.values() if not job.state.ended and _same_project(job, project)]
        if len(active) >= self.quota:
            raise QuotaExceeded(f"Quota exceeded for tuning jobs: {self.quota} in all.")
        name = f"{place}/tuningJobs/{self.world.new_id()}"
        fault = self.failing.pop(0) if self.failing else None
        leaves = self.in_part.pop(0) if self.in_part else ""
        self.all[name] = Tuning(name, request, self.world.clock.time(), fault=fault, leaves=leaves)
        self.all[name].dropped = self.dropped
        if region == GLOBAL:
            there = canonical(f"projects/{project}/locations/{REGION_OF_GLOBAL}")
            self.regional[name] = f"{there}/tuningJobs/{self.world.new_id()}"
        return self.all[name].view()

    def _check(self, request: JobRequest, region: str) -> None:
        self._check_request(request, region)
        for uri in (request.training_uri, request.validation_uri):
            if uri is not None and uri not in self._storage.objects:
                raise InvalidRequest(f"The file at '{uri}' is not found or cannot be read.")
        if request.validation_uri is not None:
            training, validation = (
                self._storage.objects[uri].content for uri in (request.training_uri, request.validation_uri)
            )
            if 4 * len(validation) > len(training):
                raise InvalidRequest("The validation dataset is more than 25% of the training dataset.")
            if sum(1 for line in validation.splitlines() if line.strip()) > 5000:
                raise InvalidRequest("The validation dataset has more than 5000 rows.")
        if request.output_uri.removeprefix("gs://").partition("/")[0] not in self._storage.buckets:
            raise InvalidRequest("The bucket of output_uri does not exist.")

    def _check_request(self, request: JobRequest, region: str) -> None:
        """Refuse what no data could make right."""
        if region not in tuning_locations():
            raise InvalidRequest(f"Tuning of open models is not supported in region '{region}'.")
        if "@" not in request.base_model:
            raise InvalidRequest(f"Invalid open source publisher model resource name: {request.base_model}.")
        if region == GLOBAL and (request.kms_key or request.base_model in self.not_at_global):
            raise FailedPrecondition(f"{request.base_model} is not available in location 'global'.")
        model = known_model(request.base_model)
        if model is not None and request.mode not in model.max_sequence:
            raise InvalidRequest(f"Tuning mode {request.mode} is not supported for {request.base_model}.")
        if request.adapter_size not in (None, *ADAPTER_SIZES):
            raise InvalidRequest(f"hyper_parameters.adapter_size {request.adapter_size} is not supported.")
        if request.teacher not in (None, *TEACHERS):
            raise InvalidRequest(f"Teacher model '{request.teacher}' is not supported.")

    @called
    def get(self, name: str) -> Job | None:
        job = self._named(name)
        return msgspec.structs.replace(job.view(), name=canonical(name)) if job else None

    def _named(self, name: str) -> Tuning | None:
        """A job by its name, or by that of its regional job."""
        at_global = next((each for each, beside in self.regional.items() if beside == canonical(name)), name)
        return self.all.get(canonical(at_global))

    def _in(self, project: str, region: str) -> list[Job]:
        """The jobs of a location, regional ones included, that a list shows by now."""
        place = canonical(f"projects/{project}/locations/{region}")
        names = list(self.all.items())
        names += [(beside, self.all[name]) for name, beside in self.regional.items() if name in self.all]
        return [
            msgspec.structs.replace(job.view(), name=name)
            for name, job in names
            if name.startswith(f"{place}/") and job.created + self.lag <= self.world.clock.time()
        ]

    @called
    def labelled(self, project: str, region: str, labels: Mapping[str, str]) -> tuple[Job, ...]:
        found = self._in(project, region)
        return tuple(job for job in found if labels.items() <= dict(job.labels).items())

    @called
    def losses(self, experiment: str, *, validated: bool = True) -> Losses | None:
        for job in self.all.values():
            if _experiment(job.name) == canonical(experiment) and job.started is not None:
                done = range(1, job.request.epochs + 1) if job.state is JobState.SUCCEEDED else range(0)
                curve = tuple(LossPoint(step, round(2 / step, 4)) for step in done)
                return Losses(training=curve, validation=curve if job.request.validation_uri else ())
        return None

    @called
    def cancel(self, name: str) -> None:
        job = self._named(name)
        if job is not None and not job.state.ended:
            job.cancelling = True

    @called
    def active(self, project: str, region: str) -> tuple[Job, ...]:
        return tuple(job for job in self._in(project, region) if not job.state.ended)

    def _advance(self) -> None:
        """Let the time that has gone by have its effect."""
        now = self.world.clock.time()
        for job in self.all.values():
            if job.state.ended:
                continue
            begins = job.created + self.pending_seconds
            if job.cancelling:
                _end(job, JobState.CANCELLED, now, "The tuning job was cancelled.")
            elif now >= begins and job.fault is not None:
                _end(job, JobState.FAILED, now, job.fault[1])
                job.failure = failure_of(job.fault[0])
            elif now >= begins + self.training_seconds:
                job.started = begins
                self._leave_weights(job)
                if job.leaves:
                    _end(job, JobState.PARTIAL, now, "Internal error occurred.")
                    job.failure = failure_of(13)
                else:
                    _end(job, JobState.SUCCEEDED, now, None)
            elif now >= begins:
                job.started, job.state = begins, JobState.RUNNING

    def _leave_weights(self, job: Tuning) -> None:
        output = job.request.output_uri
        numbers = [10 * n for n in range(1, min(job.request.epochs, checkpoints.MOST) + 1)]
        others = [checkpoints.uri_of(output, number) for number in numbers]
        last = [checkpoints.uri_of(output)]
        if job.request.teacher is not None:
            prompts = self._storage.objects[job.request.training_uri].content
            self._storage.put(f"{output}/{LABELLED}", prompts)
        left = {"": [*last, *others], "all": [*last, *others], "checkpoints": others, "none": []}
        for folder in left[job.leaves]:
            self._storage.put(f"{folder}/config.json", b"{}")
            self._storage.put(f"{folder}/model.safetensors", job.name.encode())


def _experiment(job: str) -> str:
    place, _, number = job.rpartition("/tuningJobs/")
    return f"{place}/metadataStores/default/contexts/tuning-experiment-{number}"


def _end(job: Tuning, state: JobState, now: float, reason: str | None) -> None:
    job.state, job.ended, job.reason = state, now, reason


def _same_project(job: Tuning, project: str) -> bool:
    return job.name.split("/")[1] == number_of(project)


def _time(moment: float | None) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") if moment else ""
