"""What a deployment is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import PrivateAttr

from ... import names
from ...lifecycle import Context, ResourceInputs, Sparse
from ...planning import Service
from ...specs import (
    Canary,
    Checkpoints,
    Container,
    Count,
    Evaluation,
    GcsUri,
    Labels,
    Machine,
    ProjectIds,
    RequestResponseLogging,
    Retry,
    Rollout,
    RolloutChoice,
    Scaling,
    ServiceAccount,
    Text,
    seconds,
)
from ...vertex.claim import HeldClaim
from ...vertex.client import Endpoint, Logging, MachineRequest
from .._shared import assigned
from .._shared.ownership import Owner
from . import costs


class DeployedModelInputs(ResourceInputs, Machine, Scaling):
    """Which weights, on which machines, behind which endpoint.

    Attributes:
        model_id: id under which the weights are registered; one registration per deployment.
        fingerprint: of the tuning job that makes the weights; or else ``weights_uri``.
        checkpoint: number of the job's intermediate checkpoint that serves instead of its last weights.
        keep_checkpoints: ``final`` deletes the job's other checkpoints once this serves.
        adopted: the endpoint is another's: it is neither made nor named here.
        dedicated: ``False`` when the endpoint shares the region's address.
        price: what an hour costs by the price book, for messages; empty when the book does not say.
        retry: whether a failed tuning job is followed by another, so that its weights may still come.
        evaluation: what a new model has to show before it gets traffic.
        canary: how it then takes the traffic.
        redeploy: another number is another deployment.
        container_logging: whether what the container prints is logged, which it is when left out.
        access_logging: whether a line is logged for each request.
        request_response_logging: set when this deployment makes the endpoint; kept by Endpoint afterwards.
        private_service_connect: given to the endpoint when this deployment makes it.
        endpoint_labels: set when this deployment makes the endpoint; kept by Endpoint afterwards.
    """

    endpoint_id: str
    model_id: str
    owner_label: str
    fingerprint: str | None = None
    weights_uri: GcsUri | None = None
    checkpoint: Count | None = None
    retry: Retry | None = None
    container: Container | None = None
    service_account: ServiceAccount | None = None
    rollout: RolloutChoice = Rollout.SIDE_BY_SIDE
    evaluation: Evaluation | None = None
    canary: Canary | None = None
    redeploy: Count | None = None
    display_name: Text
    endpoint_display_name: Text
    endpoint_labels: Labels = {}
    keep_checkpoints: Literal["final"] | None = None
    # Without a default value: a state of an older version has none of them, and differs in nothing.
    container_logging: bool | None = None
    access_logging: bool | None = None
    request_response_logging: RequestResponseLogging | None = None
    private_service_connect: ProjectIds | None = None
    adopted: Literal[True] | None = None
    dedicated: Literal[False] | None = None
    price: Sparse[str] = ""
    _endpoint: str = PrivateAttr("")
    _registered: str = PrivateAttr("")

    @property
    def asked(self) -> str:
        """Full resource name of the endpoint as it is asked for; Google may choose another id."""
        return names.endpoint(self.project, self.region, self.endpoint_id)

    @property
    def owns(self) -> Owner:
        """Who may undo it, which weights it serves, and where."""
        there = () if self.adopted else (self.endpoint_id,)
        return Owner(self.owner, self.weights_uri or "", (*there, names.probe(self.model_id)))

    @property
    def endpoint(self) -> str:
        """Full resource name of the endpoint, as far as it is known by now."""
        return self._endpoint or self.asked

    @property
    def registered_id(self) -> str:
        """Id under which the model is registered, as far as it is known by now."""
        return self._registered or self.model_id

    @property
    def model(self) -> str:
        """Full resource name of the registered model."""
        return names.model(self.project, self.region, self.registered_id)

    def renamed(self, changes: Mapping[str, object]) -> DeployedModelInputs:
        """The same deployment on another endpoint."""
        same = self.model_copy(update=dict(changes))
        same._endpoint = ""
        return same

    def located(
        self, context: Context, held: HeldClaim | None
    ) -> tuple[DeployedModelInputs, Endpoint | None]:
        """The same with the names that Google chose, and the endpoint if it is there."""
        found = (
            context.vertex.serving.endpoint(self.asked)
            if self.adopted
            else assigned.endpoint(context, self.asked, self.owner, held)
        )
        same = self.model_copy()
        same._endpoint = assigned.name_of(self.asked, found)
        same._registered = assigned.registered(held) if held is not None else ""
        return same, found

    @property
    def machine(self) -> MachineRequest:
        """The machines, as the wire wants them."""
        zero = self.scale_to_zero
        flex = self.flex_start
        return MachineRequest(
            machine_type=self.machine_type,
            accelerator_type=self.accelerator_type,
            accelerator_count=self.accelerator_count,
            min_replicas=self.min_replicas,
            max_replicas=self.max_replicas,
            autoscaling_target=self.autoscaling_target,
            spot=self.spot,
            reservation=self.reservation,
            required_replicas=self.required_replicas,
            flex_start_seconds=int(seconds(flex.max_runtime)) if flex else None,
            scale_to_zero=zero is not None,
            initial_replicas=(zero.initial_replicas or 1) if zero and not self.min_replicas else None,
            min_scaleup_period=zero.min_scaleup_period if zero else None,
            idle_scaledown_period=zero.idle_scaledown_period if zero else None,
        )

    @property
    def logging(self) -> Logging:
        """Which logs the deployed model writes."""
        return Logging(container=self.container_logging is not False, access=bool(self.access_logging))

    @classmethod
    def planned(cls, service: Service) -> DeployedModelInputs | None:
        """The deployment of a service that serves, with its price if the price book says it."""
        spec, serving = service.spec, service.spec.serving
        if not spec.serve:
            return None
        final = spec.tuning is not None and spec.tuning.keep_checkpoints is Checkpoints.FINAL
        deployed = cls(
            project=spec.project,
            region=spec.serving_region,
            output_uri=spec.output_uri,
            service=spec.name,
            owner=service.owner,
            wait=spec.wait,
            endpoint_id=service.endpoint_id,
            model_id=service.model_id,
            owner_label=service.owner_label,
            fingerprint=service.weights.fingerprint,
            weights_uri=service.weights.uri,
            checkpoint=serving.checkpoint,
            retry=service.retry,
            container=serving.container,
            service_account=serving.service_account,
            rollout=serving.rollout,
            evaluation=serving.evaluation,
            canary=serving.canary,
            redeploy=serving.redeploy,
            display_name=serving.model_display_name or spec.name,
            endpoint_display_name=serving.endpoint_display_name or spec.name,
            endpoint_labels=spec.labels,
            keep_checkpoints="final" if final else None,
            container_logging=None if serving.container_logging else False,
            access_logging=True if serving.access_logging else None,
            request_response_logging=serving.request_response_logging,
            private_service_connect=serving.private_service_connect,
            adopted=True if spec.adopt_endpoint else None,
            dedicated=None if serving.dedicated else False,
            machine_type=serving.machine_type,
            accelerator_type=serving.accelerator_type,
            accelerator_count=serving.accelerator_count,
            spot=serving.spot,
            reservation=serving.reservation,
            flex_start=serving.flex_start,
            min_replicas=serving.min_replicas,
            max_replicas=serving.max_replicas,
            autoscaling_target=serving.autoscaling_target,
            scale_to_zero=serving.scale_to_zero,
            required_replicas=serving.required_replicas,
        )
        price = costs.price_of(service.prices, deployed.declared())
        return deployed.model_copy(update={"price": price}) if price else deployed
