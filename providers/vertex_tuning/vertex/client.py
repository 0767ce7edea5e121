"""What the resources need of Google, as plain values and one protocol per service.

The views hold only what is decided on. Names are full resource names. A getter answers ``None``
for what is not there; every other failure is an ``errors.VertexError``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ..catalog import GLOBAL, FailureKind, TuningMode


class JobState(enum.StrEnum):
    """Where a tuning job stands; several of Vertex AI's states that mean the same here are one."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARTIAL = "succeeded in part"
    UNKNOWN = "unknown"
    """A state that this version does not know; taken for one of a job that goes on."""

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self not in (JobState.WAITING, JobState.RUNNING, JobState.UNKNOWN)


class Checkpoint(msgspec.Struct, frozen=True):
    """How far training has come, as the job's newest checkpoint tells."""

    epoch: int
    step: int


class LossPoint(msgspec.Struct, frozen=True):
    """The loss after so many steps."""

    step: int
    value: float


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """The curves of a tuning job; ``validation`` is empty for a job without validation data."""

    training: tuple[LossPoint, ...] = ()
    validation: tuple[LossPoint, ...] = ()


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A tuning job to submit. Unset hyper-parameters are left to Vertex AI."""

    display_name: str
    base_model: str
    mode: TuningMode
    training_uri: str
    output_uri: str
    epochs: int
    labels: Mapping[str, str]
    validation_uri: str | None = None
    custom_base_model: str | None = None
    teacher: str | None = None
    learning_rate: float | None = None
    adapter_size: int | None = None
    batch_size: int | None = None
    service_account: str | None = None
    kms_key: str | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A tuning job as it is now. Times are RFC 3339 or empty; ``failure`` is set if it may pass.

    ``dropped`` counts the examples that were not trained on, known once the job has ended.
    ``state_name`` is Vertex AI's own word; ``tuned_model`` is the full name of the model that it registered.
    """

    name: str
    state: JobState
    base_model: str
    output_uri: str
    mode: TuningMode | None
    epochs: int
    labels: Mapping[str, str]
    reason: str | None
    created: str
    started: str
    ended: str
    checkpoint: Checkpoint | None
    custom_base_model: str | None = None
    teacher: str | None = None
    learning_rate: float | None = None
    adapter_size: int | None = None
    batch_size: int | None = None
    experiment: str = ""
    failure: FailureKind | None = None
    training_uri: str = ""
    validation_uri: str = ""
    state_name: str = ""
    tuned_model: str = ""
    dropped: int = 0


def counted_once(jobs: Iterable[Job]) -> list[Job]:
    """The jobs without the regional ones that Google makes for those at ``global``: each tuning once.

    Nothing in a regional job names the other, but what it was asked for is the same to the last label.
    """
    found = list(jobs)
    at_global = [_asked_for(job) for job in found if _at_global(job)]
    return [job for job in found if _at_global(job) or _asked_for(job) not in at_global]


def _at_global(job: Job) -> bool:
    return f"/locations/{GLOBAL}/" in job.name


def _asked_for(job: Job) -> tuple[object, ...]:
    return job.output_uri, job.base_model, job.training_uri, job.validation_uri, dict(job.labels)


class MachineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Dedicated machines for a deployed model."""

    machine_type: str
    accelerator_type: str
    accelerator_count: int
    min_replicas: int
    max_replicas: int
    autoscaling_target: int | None = None
    spot: bool = False
    reservation: str | None = None
    required_replicas: int | None = None
    flex_start_seconds: int | None = None
    scale_to_zero: bool = False
    initial_replicas: int | None = None
    min_scaleup_period: int | None = None
    idle_scaledown_period: int | None = None


class ContainerSpec(msgspec.Struct, frozen=True):
    """A serving container: Google's ModelContainerSpec in its JSON form, every field of it."""

    json: Mapping[str, Any]


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the registry: its container, the folder of its weights or ``None``, and its labels."""

    container: ContainerSpec
    artifacts_uri: str | None
    labels: Mapping[str, str] = {}


class Logging(msgspec.Struct, frozen=True, kw_only=True):
    """Which logs a deployed model writes: what its container prints, and a line for each request."""

    container: bool = True
    access: bool = False


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """A model on an endpoint, with the machines that it holds."""

    id: str
    model: str
    machine_type: str
    accelerator_type: str
    accelerator_count: int
    min_replicas: int
    max_replicas: int
    autoscaling_target: int | None
    spot: bool
    flex_start: bool = False

    @property
    def preemptible(self) -> bool:
        """Whether its accelerators count against the quota of preemptible ones."""
        return self.spot or self.flex_start


class RequestLogging(msgspec.Struct, frozen=True):
    """Where an endpoint writes which share of requests and answers; no table switches it off."""

    table: str = ""
    sampling_rate: float = 1.0


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as it is now.

    Attributes:
        traffic: deployed model id to per cent.
        dedicated: it answers under a DNS name of its own only.
        dns: that name as Google answers it, unchecked; empty until it has one.
        private: it is reached through private service connect or a network only.
    """

    name: str
    display_name: str
    labels: Mapping[str, str]
    deployed: tuple[Deployed, ...]
    traffic: Mapping[str, int]
    dedicated: bool = False
    dns: str = ""
    private: bool = False
    logging: RequestLogging = RequestLogging()


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A long-running operation.

    Attributes:
        error_code: Google's numeric status code, 0 for none.
        endpoint, model: the full names in its response, once it is done and where it has any; the ids are
            Google's choice, the project may be a number, and a version such as ``@1`` may follow.
        began: its start in seconds since the epoch; 0 where Google does not say.
        lasted: seconds from its start to its last change; 0 where Google does not say.
        kind: the last part of its metadata's type, such as ``DeployOperationMetadata``.
    """

    name: str
    done: bool
    error_code: int = 0
    error_message: str = ""
    endpoint: str = ""
    model: str = ""
    kind: str = ""
    began: float = 0.0
    lasted: float = 0.0


class Answer(msgspec.Struct, frozen=True):
    """Predictions, and which deployed model made them."""

    predictions: tuple[Any, ...]
    deployed_model_id: str
    model: str
    model_version: str = ""


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """An object in Cloud Storage.

    Attributes:
        encoding: its ``Content-Encoding``.
        content: its bytes, if it is small and a list repeats them.
    """

    uri: str
    generation: int
    crc32c: str
    size: int
    encoding: str = ""
    content: bytes | None = None


class QuotaRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a project has asked Google for, and what it was granted so far.

    Attributes:
        id: last part of the quota preference's name.
        deciding: Google has not answered yet.
    """

    id: str
    asked: int
    granted: int
    deciding: bool


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """A granted limit, ``None`` where the project names none, and the request for more, if any.

    Attributes:
        name: how the quota is called, or what was looked for.
    """

    limit: int | None
    name: str = ""
    request: QuotaRequest | None = None


class TuningJobs(Protocol):
    """Vertex AI tuning jobs. There is no delete and no id of the caller's choice."""

    def create(self, project: str, region: str, request: JobRequest) -> Job:
        """Submit; never tried again here, because a second try may pay twice."""

    def get(self, name: str) -> Job | None:
        """The job, or ``None``."""

    def labelled(self, project: str, region: str, labels: Mapping[str, str]) -> tuple[Job, ...]:
        """Jobs that carry all these labels. The list may lag behind ``create``."""

    def losses(self, experiment: str, *, validated: bool = True) -> Losses | None:
        """The losses that a job's ``experiment`` holds so far; ``None`` when it leads to none.

        ``validated``: the job has validation data, whose loss may appear after that of training.
        """

    def cancel(self, name: str) -> None:
        """Ask for the end; a job that has ended or is gone is left as it is."""

    def active(self, project: str, region: str) -> tuple[Job, ...]:
        """The jobs that wait or run. The list may lag behind ``create``."""


class Serving(Protocol):
    """Endpoints, models, and what stands between them. Long calls answer an operation's name."""

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint, or ``None``."""

    def endpoints(self, project: str, region: str) -> tuple[Endpoint, ...]:
        """Every endpoint of a region."""

    def create_endpoint(
        self,
        name: str,
        display_name: str,
        labels: Mapping[str, str],
        psc_projects: tuple[str, ...] | None,
        kms_key: str | None,
        *,
        dedicated: bool = True,
        logging: RequestLogging | None = None,
    ) -> str:
        """Make an empty endpoint under the id at the end of ``name``.

        ``dedicated`` gives it a DNS name of its own, unless it is for private service connect.
        """

    def patch_endpoint(
        self,
        name: str,
        *,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
        traffic: Mapping[str, int] | None = None,
        logging: RequestLogging | None = None,
    ) -> None:
        """Change what is given; the rest stays."""

    def delete_endpoint(self, name: str) -> str | None:
        """Delete an empty endpoint; ``None`` when it is gone already."""

    def deploy_weights(
        self,
        endpoint: str,
        endpoint_display_name: str,
        model_id: str,
        model_display_name: str,
        artifacts_uri: str,
        machine: MachineRequest,
        container: ContainerSpec | None,
        *,
        dedicated: bool = True,
        psc_projects: tuple[str, ...] | None = None,
    ) -> str:
        """Model Garden's one call: makes the endpoint, the model and the deployment."""

    def upload_model(
        self,
        model: str,
        display_name: str,
        artifacts_uri: str,
        container: ContainerSpec,
        labels: Mapping[str, str],
    ) -> str:
        """Register weights and their container under the id at the end of ``model``."""

    def label_model(self, model: str, labels: Mapping[str, str]) -> None:
        """Give a registered model these labels, in place of those that it has."""

    def model(self, name: str) -> RegisteredModel | None:
        """The registered model, or ``None``."""

    def recommended_container(
        self, project: str, region: str, artifacts_uri: str, machine: MachineRequest
    ) -> ContainerSpec | None:
        """What Vertex AI would serve these weights with on this machine; ``None`` when it does not say."""

    def models(self, project: str, region: str) -> tuple[str, ...]:
        """Full names of a region's registered models."""

    def fitting_machines(self, project: str, region: str, artifacts_uri: str) -> tuple[str, ...]:
        """Where these weights would run, best first: machine, accelerators, region, and quota."""

    def delete_model(self, model: str) -> str | None:
        """Delete a registered model; ``None`` when it is gone already."""

    def deploy(
        self,
        endpoint: str,
        model: str,
        display_name: str,
        machine: MachineRequest,
        service_account: str | None,
        logging: Logging,
    ) -> str:
        """Put a registered model on machines of an endpoint, without traffic."""

    def undeploy(self, endpoint: str, deployed_id: str, traffic: Mapping[str, int]) -> str | None:
        """Take it off; ``traffic`` is what the others get. ``None`` when it is off already."""

    def rescale(self, endpoint: str, deployed_id: str, machine: MachineRequest) -> str:
        """Change replicas and autoscaling of a deployed model."""

    def log_container(self, endpoint: str, deployed_id: str, *, on: bool) -> str:
        """Switch the logs of a deployed model's container on or off."""

    def ask(self, endpoint: str, instances: Sequence[Mapping[str, Any]]) -> Answer:
        """Predictions of whichever deployed model the traffic split chooses."""

    def operation(self, name: str) -> Operation | None:
        """The operation, or ``None`` when it is no longer known."""

    def changing(self, endpoint: str) -> bool:
        """Whether something is being put onto an endpoint or taken off: what it shows now will not last."""

    def under_way(self, name: str, since: float = 0.0) -> tuple[str, ...]:
        """Names of the operations that are not done and may concern an endpoint or a model.

        Those on it, and every deployment by Model Garden's one call in its region: that makes both,
        and does not say beforehand under which name.
        """


class Storage(Protocol):
    """Cloud Storage. Every write says which generation it replaces: 0 for none."""

    def now(self) -> float:
        """Seconds since the epoch by the service's clock, as its last answers told it."""

    def stat(self, uri: str) -> Blob | None:
        """The object's identity, or ``None``."""

    def read(self, uri: str, *, most: int = ...) -> tuple[bytes, int] | None:
        """A small object's bytes and generation, or ``None``.

        Raises:
            TooLarge: it has more than ``most`` bytes, or it is packed.
        """

    def write(self, uri: str, content: bytes, *, if_generation: int) -> int | None:
        """Write a small object if its generation is still this; ``None`` when it is not."""

    def remove(self, uri: str, *, if_generation: int) -> bool:
        """Delete if its generation is still this; gone already counts as done."""

    def upload(self, path: Path, uri: str) -> Blob:
        """Upload a file to a content-addressed name; an equal object there is left as it is."""

    def send(self, path: Path, uri: str, *, if_generation: int) -> Blob | None:
        """Upload a file of any size if the object's generation is still this; ``None`` when it is not."""

    def download(self, uri: str, path: Path, go_on: Callable[[], None] = ...) -> None:
        """Write the object's bytes to ``path``; ``go_on`` may end it between two pieces, by an error."""

    def listed(self, uri: str) -> tuple[Blob, ...]:
        """Every object below a folder."""

    def copy(self, source: str, target: str, go_on: Callable[[], None] = ...) -> None:
        """Copy one object within Cloud Storage; ``#GENERATION`` after the source's URI asks for that one.

        ``go_on`` is called before each of the calls that a large object takes, and may end it by an error.
        """

    def delete(self, uri: str) -> None:
        """Delete one object whatever its generation; gone already counts as done."""

    def bucket_exists(self, uri: str) -> bool:
        """Whether the bucket of ``uri`` is there and can be listed."""


class Project(Protocol):
    """What has to be so before anything can be tuned."""

    def billing_enabled(self, project: str) -> bool:
        """Whether the project has a billing account that is open."""

    def enabled_services(self, project: str, services: Iterable[str]) -> frozenset[str]:
        """Which of these APIs are on."""

    def serving_quota(
        self, project: str, region: str, accelerator_type: str, *, preemptible: bool = False
    ) -> Quota:
        """Accelerators of this type that deployed models may hold in this region."""

    def tuning_quota(self, project: str) -> Quota:
        """Tuning jobs at once: global per project, over all regions and models."""


class Vertex(Protocol):
    """Everything together; attributes connect when they are first used."""

    @property
    def jobs(self) -> TuningJobs:
        """Tuning jobs."""

    @property
    def serving(self) -> Serving:
        """Endpoints and models."""

    @property
    def storage(self) -> Storage:
        """Objects."""

    @property
    def project(self) -> Project:
        """Prerequisites."""
