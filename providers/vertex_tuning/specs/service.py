"""A service: an entry of ``services`` in a stack file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from .. import catalog
from ..containers import fixed_weights
from .fields import (
    EndpointName,
    FormerNames,
    FormerStack,
    GcsUri,
    Labels,
    ProjectId,
    Region,
    Retrain,
    RetrainChoice,
    ServiceName,
    Spec,
    TuningJobName,
)
from .serving import ServingSpec
from .shape import Shape
from .tuning import NO_KEY_AT_GLOBAL, TuningSpec

Commit = Annotated[
    str,
    Shape(r"^[0-9a-f]{7,64}(-dirty)?$", "a commit's hash, 7 to 64 hexadecimal digits, perhaps with -dirty"),
]


class FromStack(Spec):
    """A service of another stack whose weights are served here.

    Attributes:
        stack: the other stack's full name, ORGANIZATION/PROJECT/STACK; with state in a bucket or a folder the
            organization is ``organization``.
        service: the service's name there.
    """

    stack: Annotated[
        str,
        Shape(r"^[^/\s]+/[^/\s]+/[^/\s]+$", "a stack's full name, ORGANIZATION/PROJECT/STACK"),
        Field(max_length=200),
    ]
    service: ServiceName


class ServiceSpec(Spec):
    """A tuned model and its endpoint: an entry of ``services`` in a stack file.

    Exactly one of ``tuning``, ``artifacts_uri`` and ``from_stack`` says where the weights come from.

    Attributes:
        name: unique in the stack; ids are made from it.
        project: Google Cloud project that holds and pays for it.
        region: where it is tuned and served, unless ``tuning.location`` and ``serving.region`` say otherwise.
        tuning: which model to tune, how, and on what.
        artifacts_uri: folder of existing tuned weights.
        from_stack: serve the model of another stack's service, which keeps its ownership.
        serving: machines and endpoint.
        renamed_from: the service's former name, or several, oldest first: job, endpoint and deployment made
            under the oldest one are kept.
        stack_renamed_from: the stack's name before `pulumi stack rename`, or ``PROJECT/STACK``: job, endpoint
            and deployment made under it are kept.
        output_uri: folder for data, claims and the weights of each tuning. Another folder is another tuning.
        serve: ``False`` keeps the tuned weights, deletes deployment and endpoint, and costs no machine.
        labels: labels of the tuning job and the endpoint.
        wait: return when ready; ``False`` submits and returns; each ``up`` advances a step.
        protect: refuse to destroy or replace any of it.
        retrain: ``deny`` refuses an edit that would start another paid tuning, and retries no failed job.
        adopt_job: use this job's result instead of tuning; it is never cancelled.
        adopt_endpoint: serve on this existing endpoint: it keeps its name and labels, and destroying the
            service removes only the service's deployment.
        export_uri: folder for a copy of the weights.
        delete_artifacts: delete the weights with the service; they are kept by default.
        commit: the program's version for the lineage; it changes nothing else.
        check_in_preview: check billing, APIs and bucket in preview; ``False`` if the same ``up`` creates
            them.
    """

    name: ServiceName
    renamed_from: FormerNames = ()
    stack_renamed_from: FormerStack | None = None
    project: ProjectId
    region: Region
    output_uri: GcsUri
    tuning: TuningSpec | None = None
    artifacts_uri: GcsUri | None = None
    from_stack: FromStack | None = None
    serving: ServingSpec = Field(default_factory=ServingSpec)
    serve: bool = True
    labels: Labels = {}
    wait: bool = True
    protect: bool = False
    retrain: RetrainChoice = Retrain.ALLOW
    adopt_job: TuningJobName | None = None
    adopt_endpoint: EndpointName | None = None
    export_uri: GcsUri | None = None
    delete_artifacts: bool = False
    check_in_preview: bool = True
    commit: Commit | None = None

    @property
    def identity(self) -> str:
        """The service's first name, on which ids and ownership depend."""
        return self.renamed_from[0] if self.renamed_from else self.name

    @property
    def tuning_location(self) -> str:
        """The location of its tuning: by default the region, or ``global`` if the region tunes nothing."""
        if self.tuning is not None and self.tuning.location is not None:
            return self.tuning.location
        return self.region if self.region in catalog.tuning_locations() else catalog.GLOBAL

    @property
    def serving_region(self) -> str:
        """Where it is served."""
        return self.serving.region or self.region

    @field_validator("renamed_from")
    @classmethod
    def _renamed_once_each(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and set(value) == {info.data.get("name")}:
            raise ValueError(f"{value[0]!r} is the service's current name; remove renamed_from")
        if len(set(value)) < len(value):
            raise ValueError("a name is in it twice")
        return value

    @field_validator("tuning")
    @classmethod
    def _key_has_a_region(cls, value: TuningSpec | None, info: ValidationInfo) -> TuningSpec | None:
        region = info.data.get("region")
        unsaid = value is not None and value.kms_key is not None and value.location is None
        if unsaid and region is not None and region not in catalog.tuning_regions():
            raise ValueError(f"{region} tunes no open models, and {NO_KEY_AT_GLOBAL}")
        return value

    @field_validator("serving")
    @classmethod
    def _key_is_of_both_regions(cls, value: ServingSpec, info: ValidationInfo) -> ServingSpec:
        tuning, region = info.data.get("tuning"), info.data.get("region")
        if tuning is not None and tuning.kms_key and region is not None:
            tuned, served = tuning.location or region, value.region or region
            if tuned != served:
                raise ValueError(
                    f"tuning.kms_key encrypts the job in {tuned} and the endpoint in {served}, and "
                    "a key belongs to one region: tune and serve in the same region"
                )
        return value

    @field_validator("from_stack")
    @classmethod
    def _one_source(cls, value: FromStack | None, info: ValidationInfo) -> FromStack | None:
        others = [info.data[key] for key in ("tuning", "artifacts_uri") if key in info.data]
        if len(others) == 2 and sum(source is not None for source in (*others, value)) != 1:
            raise ValueError(
                "set one of tuning (to tune a model), artifacts_uri (to use tuned weights) and from_stack "
                "(to use another stack's model)"
            )
        return value

    @field_validator("serving")
    @classmethod
    def _checkpoint_of_a_tuning(cls, value: ServingSpec, info: ValidationInfo) -> ServingSpec:
        if value.checkpoint is not None and info.data.get("artifacts_uri"):
            raise ValueError("checkpoint is for tunings; name its folder in artifacts_uri instead")
        return value

    @field_validator("serving")
    @classmethod
    def _container_reads_these_weights(cls, value: ServingSpec, info: ValidationInfo) -> ServingSpec:
        for folder in fixed_weights(value.container.wire() if value.container else {}):
            if folder.rstrip("/") != info.data.get("artifacts_uri"):
                raise ValueError(
                    f"container: names the weights {folder}, so it would never serve a new model; write "
                    "$(AIP_STORAGE_URI) instead, where Vertex AI puts the folder of each new model"
                )
        return value

    @field_validator("adopt_job")
    @classmethod
    def _adopted_job_is_checked(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and (info.data.get("artifacts_uri") or info.data.get("from_stack")):
            raise ValueError("adopt_job needs tuning: the adopted job is checked against it")
        return value

    @field_validator("adopt_endpoint")
    @classmethod
    def _adopted_endpoint_fits(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return value
        _, project, _, region, _, _ = value.split("/")
        serving = info.data.get("serving", ServingSpec())
        served = {**info.data, "region": serving.region or info.data.get("region")}
        for key, found in (("project", project), ("region", region)):
            if served.get(key) not in (None, found):
                raise ValueError(f"is in the {key} {found!r}, and the service in {served[key]!r}")
        if not info.data.get("serve", True):
            raise ValueError("adopt_endpoint needs serve: true")
        fixed: dict[str, object] = {
            "private_service_connect": None,
            "request_response_logging": None,
            "endpoint_display_name": None,
            "dedicated": True,
        }
        chosen = [key for key, default in fixed.items() if getattr(serving, key) != default]
        if chosen:
            raise ValueError(f"serving.{chosen[0]} does not apply to an adopted endpoint; remove it")
        return value
