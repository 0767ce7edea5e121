"""One service: what a stack file lists."""

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
        stack: the other stack's full name, ORGANIZATION/PROJECT/STACK; of a state backend of one's own
            the organization is ``organization``.
        service: the service's name there.
    """

    stack: Annotated[
        str,
        Shape(r"^[^/\s]+/[^/\s]+/[^/\s]+$", "a stack's full name, ORGANIZATION/PROJECT/STACK"),
        Field(max_length=200),
    ]
    service: ServiceName


class ServiceSpec(Spec):
    """One tuned model and where it is served: what a stack file lists under ``services``.

    Exactly one of ``tuning``, ``artifacts_uri`` and ``from_stack`` says where the weights come from.

    Attributes:
        name: unique in the stack; ids are made of it.
        project: Google Cloud project that holds and pays for it.
        region: where it is tuned and served, unless ``tuning.location`` and ``serving.region`` say otherwise.
        tuning: which model to tune, how, and on what.
        artifacts_uri: folder of weights that are tuned already.
        from_stack: serve what a service of another stack tuned and tested; it stays that stack's.
        serving: on which machines it answers.
        renamed_from: the name that the service had before, or several, oldest first: it keeps the job,
            the endpoint and the deployment that were made under the oldest one.
        stack_renamed_from: the name that the stack had before `pulumi stack rename`, or ``PROJECT/STACK``:
            the job, the endpoint and the deployment that were made under it are kept.
        output_uri: folder for everything that is made: data, claims, a folder for each tuning. Another folder
            is another tuning.
        serve: ``False`` keeps the tuned model and bills no accelerator.
        labels: on the tuning job and the endpoint.
        wait: return when ready; ``False`` returns when asked for, and each later ``up`` goes a step on.
        protect: refuse to destroy or replace any of it.
        retrain: ``deny`` refuses an edit that would pay for another tuning, and no failed job is run again.
        adopt_job: use this job's result instead of tuning; it is never cancelled.
        adopt_endpoint: serve on this endpoint, which is there and stays another's: it keeps its name and
            labels, and destroying the service takes off only what the service deployed.
        export_uri: folder that gets a copy of the weights.
        delete_artifacts: delete the weights with the service; they are kept by default.
        commit: what the lineage names as the program's version; it changes nothing.
        check_in_preview: look at billing, APIs and bucket in preview; ``False`` when the same ``up``
            creates them.
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
        """The name under which everything was made first: ids and ownership hang on it for good."""
        return self.renamed_from[0] if self.renamed_from else self.name

    @property
    def tuning_location(self) -> str:
        """Where it is tuned: ``global`` where nothing else is said and the region tunes nothing."""
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
            raise ValueError(f"{value[0]!r} is the name that the service has; leave renamed_from out")
        if len(set(value)) < len(value):
            raise ValueError("a name is in it twice")
        return value

    @field_validator("tuning")
    @classmethod
    def _key_has_a_region(cls, value: TuningSpec | None, info: ValidationInfo) -> TuningSpec | None:
        region = info.data.get("region")
        unsaid = value is not None and value.kms_key is not None and value.location is None
        if unsaid and region is not None and region not in catalog.tuning_regions():
            raise ValueError(f"nothing is tuned in {region}, and {NO_KEY_AT_GLOBAL}")
        return value

    @field_validator("serving")
    @classmethod
    def _key_is_of_both_regions(cls, value: ServingSpec, info: ValidationInfo) -> ServingSpec:
        tuning, region = info.data.get("tuning"), info.data.get("region")
        if tuning is not None and tuning.kms_key and region is not None:
            tuned, served = tuning.location or region, value.region or region
            if tuned != served:
                raise ValueError(
                    f"tuning.kms_key encrypts the job in {tuned} and the endpoint in {served}, and a key is "
                    "of one region: tune and serve in the same"
                )
        return value

    @field_validator("from_stack")
    @classmethod
    def _one_source(cls, value: FromStack | None, info: ValidationInfo) -> FromStack | None:
        others = [info.data[key] for key in ("tuning", "artifacts_uri") if key in info.data]
        if len(others) == 2 and sum(source is not None for source in (*others, value)) != 1:
            raise ValueError(
                "give one of tuning (to tune a model), artifacts_uri (to use tuned weights) and from_stack "
                "(to use what another stack tuned)"
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
                    f"container: names the weights {folder}, which it would serve whatever is tuned; write "
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
            raise ValueError("adopt_endpoint needs serve: there is nothing to put on it")
        fixed: dict[str, object] = {
            "private_service_connect": None,
            "request_response_logging": None,
            "endpoint_display_name": None,
            "dedicated": True,
        }
        chosen = [key for key, default in fixed.items() if getattr(serving, key) != default]
        if chosen:
            raise ValueError(f"serving.{chosen[0]} is for endpoints that are made here; leave it out")
        return value
