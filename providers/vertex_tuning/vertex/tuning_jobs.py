"""Tuning jobs through Google's v1beta1 client: open models are tuned there alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec
from google.cloud.aiplatform_v1beta1.types import (
    CancelTuningJobRequest,
    EncryptionSpec,
    SupervisedHyperParameters,
    SupervisedTuningSpec,
    TuningJob,
)
from google.cloud.aiplatform_v1beta1.types import JobState as WireState

from ..catalog import TuningMode, short_id
from . import distillation, lenient, named
from .client import Checkpoint, Job, JobRequest, JobState, Losses
from .connection import Connection
from .errors import InvalidRequest, NotFound, failure_of
from .rest import JSON, Json, Rest, as_json, decoded
from .retry import looked_up, once
from .tensorboard import TensorBoard

_MODES = {
    TuningMode.FULL: SupervisedTuningSpec.TuningMode.TUNING_MODE_FULL,
    TuningMode.PEFT_ADAPTER: SupervisedTuningSpec.TuningMode.TUNING_MODE_PEFT_ADAPTER,
}
_SIZES = SupervisedHyperParameters.AdapterSize
_ADAPTERS = {
    1: _SIZES.ADAPTER_SIZE_ONE,
    2: _SIZES.ADAPTER_SIZE_TWO,
    4: _SIZES.ADAPTER_SIZE_FOUR,
    8: _SIZES.ADAPTER_SIZE_EIGHT,
    16: _SIZES.ADAPTER_SIZE_SIXTEEN,
    32: _SIZES.ADAPTER_SIZE_THIRTY_TWO,
}
_STATES = {
    WireState.JOB_STATE_QUEUED: JobState.WAITING,
    WireState.JOB_STATE_PENDING: JobState.WAITING,
    WireState.JOB_STATE_PAUSED: JobState.WAITING,
    WireState.JOB_STATE_RUNNING: JobState.RUNNING,
    WireState.JOB_STATE_UPDATING: JobState.RUNNING,
    WireState.JOB_STATE_CANCELLING: JobState.RUNNING,
    WireState.JOB_STATE_SUCCEEDED: JobState.SUCCEEDED,
    WireState.JOB_STATE_PARTIALLY_SUCCEEDED: JobState.PARTIAL,
    WireState.JOB_STATE_FAILED: JobState.FAILED,
    WireState.JOB_STATE_EXPIRED: JobState.FAILED,
    WireState.JOB_STATE_CANCELLED: JobState.CANCELLED,
}


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    tuning_jobs: list[Json] | None = None


_PAGE = msgspec.json.Decoder(_Page)


class GoogleTuningJobs:
    """``client.TuningJobs`` on the real service or on one that speaks like it."""

    def __init__(self, connection: Connection) -> None:
        self._rest = Rest(connection)
        self._board = TensorBoard(self._rest)
        self._filters = True

    def create(self, project: str, region: str, request: JobRequest) -> Job:
        """Submit, once."""
        path = f"projects/{project}/locations/{region}/tuningJobs"
        body = as_json(to_wire(request))
        if request.teacher is not None:
            body = distillation.to_wire(body, request.teacher)
        made = _job(decoded(JSON, once(lambda: self._rest.call("POST", path, body))))
        named.job(made.name, project, region)
        return made

    def get(self, name: str) -> Job | None:
        """The job, or ``None``."""
        try:
            return _job(decoded(JSON, looked_up(lambda: self._rest.call("GET", name))))
        except NotFound:
            return None

    def labelled(self, project: str, region: str, labels: Mapping[str, str]) -> tuple[Job, ...]:
        """Jobs that carry all these labels; checked here too, should the service's filter be looser."""
        wanted = " AND ".join(f'labels.{key}="{value}"' for key, value in sorted(labels.items()))
        jobs = self._filtered(project, region, wanted)
        return tuple(job for job in jobs if labels.items() <= job.labels.items())

    def _filtered(self, project: str, region: str, wanted: str) -> list[Job]:
        """The jobs that a filter lets through, or all where Vertex AI refuses to filter jobs by labels."""
        if wanted and self._filters:
            with suppress(InvalidRequest):
                return list(self._listed(project, region, wanted))
        found = list(self._listed(project, region, ""))
        self._filters = self._filters and not wanted
        return found

    def losses(self, experiment: str, *, validated: bool = True) -> Losses | None:
        """The losses that a job's ``experiment`` holds so far; ``None`` when it leads to none."""
        try:
            return looked_up(lambda: self._board.losses(experiment, validated=validated))
        except NotFound:
            return None

    def cancel(self, name: str) -> None:
        """Ask for the end; a job that has ended or is gone is left as it is."""
        try:
            looked_up(lambda: self._rest.call("POST", f"{name}:cancel", CancelTuningJobRequest()))
        except NotFound:
            return
        except InvalidRequest:
            # The service refuses to cancel what has ended; anything else is a real refusal.
            job = self.get(name)
            if job is not None and not job.state.ended:
                raise

    def active(self, project: str, region: str) -> tuple[Job, ...]:
        """The jobs that wait or run."""
        return tuple(job for job in self._listed(project, region, "") if not job.state.ended)

    def _listed(self, project: str, region: str, wanted: str) -> Iterator[Job]:
        path = f"projects/{project}/locations/{region}/tuningJobs"
        for page in self._rest.pages(path, filter=wanted, pageSize="100"):
            yield from map(_job, decoded(_PAGE, page).tuning_jobs or ())


def to_wire(request: JobRequest) -> TuningJob:
    """The job as Google writes it."""
    parameters = SupervisedHyperParameters(
        epoch_count=request.epochs,
        learning_rate=request.learning_rate,
        adapter_size=_ADAPTERS[request.adapter_size] if request.adapter_size else None,
        batch_size=request.batch_size,
    )
    return TuningJob(
        base_model=request.base_model,
        custom_base_model=request.custom_base_model or "",
        tuned_model_display_name=request.display_name,
        output_uri=request.output_uri,
        supervised_tuning_spec=SupervisedTuningSpec(
            training_dataset_uri=request.training_uri,
            validation_dataset_uri=request.validation_uri or "",
            hyper_parameters=parameters,
            tuning_mode=_MODES[request.mode],
        ),
        labels=dict(request.labels),
        service_account=request.service_account or "",
        encryption_spec=EncryptionSpec(kms_key_name=request.kms_key) if request.kms_key else None,
    )


def _job(answer: Json) -> Job:
    """A job out of Google's answer, with its state as it is written there."""
    state = answer.get("state")
    plain, teacher = distillation.from_wire(answer)
    return _view(lenient.message(TuningJob, plain), str(state) if state else "", teacher)


def _view(job: TuningJob, state: str = "", teacher: str | None = None) -> Job:
    unknown = JobState.UNKNOWN if state else JobState.WAITING
    spec = job.supervised_tuning_spec
    given = spec.hyper_parameters
    checkpoints = sorted((c.epoch, c.step) for c in job.tuned_model.checkpoints)
    return Job(
        name=job.name,
        state=_STATES.get(job.state, unknown),
        state_name=state,
        tuned_model=job.tuned_model.model,
        dropped=job.tuning_data_stats.supervised_tuning_data_stats.total_truncated_example_count,
        base_model=short_id(job.base_model),
        output_uri=job.output_uri.rstrip("/"),
        mode={wire: mode for mode, wire in _MODES.items()}.get(spec.tuning_mode),
        epochs=given.epoch_count,
        labels=dict(job.labels),
        reason=job.error.message or None,
        created=_time(job.create_time),
        started=_time(job.start_time),
        ended=_time(job.end_time),
        checkpoint=Checkpoint(*checkpoints[-1]) if checkpoints else None,
        custom_base_model=job.custom_base_model or None,
        teacher=teacher,
        learning_rate=given.learning_rate or None,
        adapter_size={wire: size for size, wire in _ADAPTERS.items()}.get(given.adapter_size),
        batch_size=given.batch_size or None,
        experiment=job.experiment,
        failure=failure_of(job.error.code),
        training_uri=spec.training_dataset_uri,
        validation_uri=spec.validation_dataset_uri,
    )


def _time(moment: object) -> str:
    return moment.isoformat(timespec="seconds") if hasattr(moment, "isoformat") else ""
