"""Machines, endpoint and rollout of a tuned model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from .containers import Container
from .fields import Count, ProjectIds, Region, Rollout, RolloutChoice, ServiceAccount, Spec, Text
from .machines import Machine, Scaling
from .proving import Canary, Evaluation
from .shape import Shape


class RequestResponseLogging(Spec):
    """Logging of an endpoint's requests and answers to BigQuery.

    Attributes:
        table: ``bq://PROJECT.DATASET.TABLE``; Vertex AI creates a missing table.
        sampling_rate: the share of requests that are written, above 0 and at most 1.
    """

    table: Annotated[
        str,
        Shape(r"^bq://[a-z0-9.:\-]+(\.[A-Za-z0-9_]+){0,2}$", "a table, bq://PROJECT.DATASET.TABLE"),
    ]
    sampling_rate: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0


class ServingSpec(Machine, Scaling):
    """Machines, endpoint and rollout of the tuned model. The default machine is one g2-standard-12 with one
    L4.

    Attributes:
        region: region of the endpoint: any that has the machine; by default the service's. Another region is
            another endpoint.
        checkpoint: number of an intermediate checkpoint to serve instead of the final weights.
        container: the serving container; by default Vertex AI's recommendation.
        service_account: the container's service account; by default Vertex AI's.
        private_service_connect: projects that reach the endpoint privately; it gets no public address.
        dedicated: ``False`` makes an endpoint at the region's shared address instead of its own DNS name:
            requests of at most 1.5 MB and 60 s instead of 10 MB and an hour.
        container_logging: send the container's output to Cloud Logging, which costs by volume.
        access_logging: send a line for each request to Cloud Logging.
        request_response_logging: write requests and answers to a table of BigQuery.
        rollout: ``side_by_side`` starts the new model before the old one stops; ``recreate`` after it,
            without a second machine and with downtime.
        evaluation: a test that a new model has to pass before callers reach it.
        canary: the steps in which it takes the traffic; by default all at once.
        redeploy: set or raise it to deploy the same model again, with ``rollout``.
        endpoint_display_name: the endpoint's name in the console; by default the service's name.
        model_display_name: the model's name in the console; by default the service's name.
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
            raise ValueError("an endpoint with private_service_connect is not shared; remove dedicated")
        return value

    @field_validator("evaluation", "canary")
    @classmethod
    def _old_one_stays(cls, value: Spec | None, info: ValidationInfo) -> Spec | None:
        if value is not None and info.data.get("rollout") is Rollout.RECREATE:
            raise ValueError(
                "needs rollout: side_by_side, so that the old model keeps serving if the new one fails"
            )
        return value

    @field_validator("evaluation")
    @classmethod
    def _can_be_asked(cls, value: Evaluation | None, info: ValidationInfo) -> Evaluation | None:
        if value is not None and info.data.get("private_service_connect") is not None:
            raise ValueError("runs where Pulumi runs and cannot reach a private endpoint")
        return value
