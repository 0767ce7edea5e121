"""Where and how a tuned model answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from .containers import Container
from .fields import Count, ProjectIds, Region, Rollout, RolloutChoice, ServiceAccount, Spec, Text
from .machines import Machine, Scaling
from .proving import Canary, Evaluation
from .shape import Shape


class RequestResponseLogging(Spec):
    """Requests and answers of an endpoint, written to BigQuery.

    Attributes:
        table: ``bq://PROJECT.DATASET.TABLE``; Vertex AI makes what of it is not there.
        sampling_rate: the share of requests that are written, above 0 and at most 1.
    """

    table: Annotated[
        str,
        Shape(r"^bq://[a-z0-9.:\-]+(\.[A-Za-z0-9_]+){0,2}$", "a table, bq://PROJECT.DATASET.TABLE"),
    ]
    sampling_rate: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0


class ServingSpec(Machine, Scaling):
    """Where and how the tuned model answers. The default is one g2-standard-12 with one L4.

    Attributes:
        region: where it is served: any region that has the machine; the service's region when left out.
            Another region is another endpoint.
        checkpoint: number of an intermediate checkpoint of the tuning to serve, instead of its last weights.
        container: what serves the weights; Vertex AI's recommendation when left out.
        service_account: whose rights the container has; Vertex AI's default when left out.
        private_service_connect: projects from which the endpoint is reached privately, and only so.
        dedicated: ``False`` makes an endpoint that shares the region's address instead of one with a DNS name
            of its own: requests of at most 1.5 MB and 60 s, instead of 10 MB and an hour.
        container_logging: send what the container prints to Cloud Logging, which bills by volume; on unless
            it is switched off here.
        access_logging: send a line for each request to Cloud Logging.
        request_response_logging: write requests and answers to a table of BigQuery.
        rollout: ``side_by_side`` deploys the new model before the old one goes, ``recreate`` after it:
            without a second machine, with a gap.
        evaluation: what a new model has to show before callers are answered by it.
        canary: how it then takes the traffic, step by step; all at once when left out.
        redeploy: set it, or raise it, to deploy the same model once more, as ``rollout`` says.
        endpoint_display_name: how the console calls the endpoint; the service's name when left out.
        model_display_name: how the console calls the model; the service's name when left out.
    """

    region: Region | None = None
    checkpoint: Count | None = None
    container: Container | None = None
    service_account: ServiceAccount | None = None
    private_service_connect: Annotated[ProjectIds, Field(min_length=1)] | None = None
    dedicated: bool = True
    container_logging: bool = True
    access_logging: bool = False
    request_response_logging: RequestResponseLogging | None = None
    rollout: RolloutChoice = Rollout.SIDE_BY_SIDE
    evaluation: Evaluation | None = None
    canary: Canary | None = None
    redeploy: Count | None = None
    endpoint_display_name: Text | None = None
    model_display_name: Text | None = None

    @field_validator("dedicated")
    @classmethod
    def _private_is_neither(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - Pydantic's form
        if not value and info.data.get("private_service_connect") is not None:
            raise ValueError("an endpoint with private_service_connect is not shared; leave dedicated out")
        return value

    @field_validator("evaluation", "canary")
    @classmethod
    def _old_one_stays(cls, value: Spec | None, info: ValidationInfo) -> Spec | None:
        if value is not None and info.data.get("rollout") is Rollout.RECREATE:
            raise ValueError(
                "needs rollout: side_by_side, so that the old model serves on if the new one fails"
            )
        return value

    @field_validator("evaluation")
    @classmethod
    def _can_be_asked(cls, value: Evaluation | None, info: ValidationInfo) -> Evaluation | None:
        if value is not None and info.data.get("private_service_connect") is not None:
            raise ValueError(
                "asks from where Pulumi runs, and an endpoint that is reached privately only does not answer"
            )
        return value
