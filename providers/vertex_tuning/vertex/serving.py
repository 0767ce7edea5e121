"""Endpoints and models through Google's v1beta1 clients: custom weights are deployed there alone."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from google.cloud.aiplatform_v1beta1 import types as wire
from google.cloud.aiplatform_v1beta1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1beta1.services.model_garden_service import ModelGardenServiceClient
from google.cloud.aiplatform_v1beta1.services.model_service import ModelServiceClient
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseError

from .client import Answer, ContainerRequest, Endpoint, MachineRequest, Operation
from .connection import Connection
from .errors import InvalidRequest, NotFound
from .retry import CALL, looked_up, once, repeated
from .serving_wire import container_to_wire, container_view, endpoint_view, fits_view, machine_to_wire


class GoogleServing:
    """``client.Serving`` on the real service or on one that speaks like it."""

    def __init__(self, connection: Connection) -> None:
        self._endpoints = cache(lambda region: connection.regional(EndpointServiceClient, region))
        self._models = cache(lambda region: connection.regional(ModelServiceClient, region))
        self._connection = connection
        self._garden = cache(lambda region: connection.regional(ModelGardenServiceClient, region))

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint, or ``None``."""
        try:
            return endpoint_view(
                looked_up(lambda: self._endpoints(_region(name)).get_endpoint(name=name, **CALL))
            )
        except NotFound:
            return None

    def endpoints(self, project: str, region: str) -> tuple[Endpoint, ...]:
        """Every endpoint of a region."""
        parent = f"projects/{project}/locations/{region}"
        found = looked_up(lambda: list(self._endpoints(region).list_endpoints(parent=parent, **CALL)))
        return tuple(endpoint_view(each) for each in found)

    def create_endpoint(
        self,
        name: str,
        display_name: str,
        labels: Mapping[str, str],
        psc_projects: tuple[str, ...] | None,
        kms_key: str | None,
    ) -> str:
        """Make an empty endpoint under the id at the end of ``name``."""
        endpoint = wire.Endpoint(display_name=display_name, labels=dict(labels))
        if psc_projects is not None:
            endpoint.private_service_connect_config = wire.PrivateServiceConnectConfig(
                enable_private_service_connect=True, project_allowlist=psc_projects
            )
        if kms_key is not None:
            endpoint.encryption_spec = wire.EncryptionSpec(kms_key_name=kms_key)
        request = wire.CreateEndpointRequest(
            parent=_parent(name), endpoint=endpoint, endpoint_id=name.rsplit("/", 1)[1]
        )
        return _started(once(lambda: self._endpoints(_region(name)).create_endpoint(request, **CALL)))

    def patch_endpoint(
        self,
        name: str,
        *,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
        traffic: Mapping[str, int] | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        endpoint, mask = wire.Endpoint(name=name), []
        if display_name is not None:
            endpoint.display_name = display_name
            mask.append("display_name")
        if labels is not None:
            endpoint.labels = dict(labels)
            mask.append("labels")
        if traffic is not None:
            endpoint.traffic_split = dict(traffic)
            mask.append("traffic_split")
        if mask:
            looked_up(
                lambda: self._endpoints(_region(name)).update_endpoint(
                    endpoint=endpoint, update_mask=FieldMask(paths=mask), **CALL
                )
            )

    def delete_endpoint(self, name: str) -> str | None:
        """Delete an empty endpoint; ``None`` when it is gone already."""
        try:
            return _started(
                looked_up(lambda: self._endpoints(_region(name)).delete_endpoint(name=name, **CALL))
            )
        except NotFound:
            return None

    def deploy_weights(
        self,
        endpoint: str,
        endpoint_display_name: str,
        model_id: str,
        model_display_name: str,
        artifacts_uri: str,
        machine: MachineRequest,
        container: ContainerRequest | None,
    ) -> str:
        """Model Garden's one call: makes the endpoint, the model and the deployment."""
        request = wire.DeployRequest(
            destination=_parent(endpoint),
            custom_model=wire.DeployRequest.CustomModel(gcs_uri=artifacts_uri),
            endpoint_config=wire.DeployRequest.EndpointConfig(
                endpoint_display_name=endpoint_display_name, endpoint_user_id=endpoint.rsplit("/", 1)[1]
            ),
            model_config=wire.DeployRequest.ModelConfig(
                model_display_name=model_display_name,
                model_user_id=model_id,
                container_spec=container_to_wire(container) if container else None,
            ),
            deploy_config=wire.DeployRequest.DeployConfig(dedicated_resources=machine_to_wire(machine)),
        )
        return _started(once(lambda: self._garden(_region(endpoint)).deploy(request, **CALL)))

    def upload_model(
        self,
        model: str,
        display_name: str,
        artifacts_uri: str,
        container: ContainerRequest,
        labels: Mapping[str, str],
    ) -> str:
        """Register weights and their container under the id at the end of ``model``."""
        request = wire.UploadModelRequest(
            parent=_parent(model),
            model_id=model.rsplit("/", 1)[1],
            model=wire.Model(
                display_name=display_name,
                artifact_uri=artifacts_uri,
                container_spec=container_to_wire(container),
                labels=dict(labels),
            ),
        )
        return _started(once(lambda: self._models(_region(model)).upload_model(request, **CALL)))

    def model_container(self, model: str) -> ContainerRequest | None:
        """The container of a registered model, or ``None`` when there is no such model."""
        try:
            found = looked_up(lambda: self._models(_region(model)).get_model(name=model, **CALL))
        except NotFound:
            return None
        return container_view(found.container_spec)

    def model_artifacts(self, model: str) -> str | None:
        """Where a registered model's weights are; ``None`` when it is not there or does not say."""
        try:
            found = looked_up(lambda: self._models(_region(model)).get_model(name=model, **CALL))
        except NotFound:
            return None
        return found.artifact_uri.rstrip("/") or None

    def recommended_container(self, project: str, region: str, artifacts_uri: str) -> ContainerRequest | None:
        """What Vertex AI would serve these weights with, or ``None`` when it does not say."""
        request = wire.RecommendSpecRequest(
            parent=f"projects/{project}/locations/{region}", gcs_uri=artifacts_uri
        )
        answer = looked_up(lambda: self._models(region).recommend_spec(request, **CALL))
        specs = [r.spec for r in answer.recommendations if r.region in (region, "")] or list(answer.specs)
        return next((container_view(s.container_spec) for s in specs if s.container_spec.image_uri), None)

    def models(self, project: str, region: str) -> tuple[str, ...]:
        """Full names of a region's registered models."""
        parent = f"projects/{project}/locations/{region}"
        found = looked_up(lambda: list(self._models(region).list_models(parent=parent, **CALL)))
        return tuple(model.name for model in found)

    def fitting_machines(self, project: str, region: str, artifacts_uri: str) -> tuple[str, ...]:
        """Where these weights would run, best first, with whether quota is there."""
        request = wire.RecommendSpecRequest(
            parent=f"projects/{project}/locations/{region}",
            gcs_uri=artifacts_uri,
            check_machine_availability=True,
            check_user_quota=True,
        )
        answer = looked_up(lambda: self._models(region).recommend_spec(request, **CALL))
        has = wire.RecommendSpecResponse.Recommendation.QuotaState.QUOTA_STATE_USER_HAS_QUOTA
        ranked = sorted(answer.recommendations, key=lambda each: each.user_quota_state != has)
        return tuple(
            fits_view(each.spec.machine_spec, each.region, has_quota=each.user_quota_state == has)
            for each in ranked
        )

    def delete_model(self, model: str) -> str | None:
        """Delete a registered model; ``None`` when it is gone already."""
        try:
            return _started(looked_up(lambda: self._models(_region(model)).delete_model(name=model, **CALL)))
        except NotFound:
            return None

    def deploy(
        self,
        endpoint: str,
        model: str,
        display_name: str,
        machine: MachineRequest,
        service_account: str | None,
    ) -> str:
        """Put a registered model on machines behind an endpoint, without traffic."""
        deployed = wire.DeployedModel(
            model=model,
            display_name=display_name,
            dedicated_resources=machine_to_wire(machine),
            service_account=service_account or "",
        )
        return _started(
            once(
                lambda: self._endpoints(_region(endpoint)).deploy_model(
                    endpoint=endpoint, deployed_model=deployed, **CALL
                )
            )
        )

    def undeploy(self, endpoint: str, deployed_id: str, traffic: Mapping[str, int]) -> str | None:
        """Take it off; ``traffic`` is what the others get. ``None`` when it is off already."""
        try:
            return _started(
                looked_up(
                    lambda: self._endpoints(_region(endpoint)).undeploy_model(
                        endpoint=endpoint,
                        deployed_model_id=deployed_id,
                        traffic_split=dict(traffic),
                        **CALL,
                    )
                )
            )
        except NotFound:
            return None
        except InvalidRequest:
            live = self.endpoint(endpoint)
            if live is None or all(deployed.id != deployed_id for deployed in live.deployed):
                return None
            raise

    def rescale(self, endpoint: str, deployed_id: str, machine: MachineRequest) -> str:
        """Change replicas and autoscaling of what is deployed."""
        resources = machine_to_wire(machine)
        paths = ["min_replica_count", "max_replica_count", "autoscaling_metric_specs"]
        deployed = wire.DeployedModel(id=deployed_id, dedicated_resources=resources)
        mask = FieldMask(paths=[f"dedicated_resources.{path}" for path in paths])
        return _started(
            repeated(
                lambda: self._endpoints(_region(endpoint)).mutate_deployed_model(
                    endpoint=endpoint, deployed_model=deployed, update_mask=mask, **CALL
                )
            )
        )

    def ask(self, endpoint: str, instances: Sequence[Mapping[str, Any]]) -> Answer:
        """Predictions of whichever deployed model the traffic split chooses."""
        from .prediction import predict

        return predict(self._connection, endpoint, instances)

    def operation(self, name: str) -> Operation | None:
        """The operation, or ``None`` when it is no longer known."""
        try:
            found = looked_up(lambda: self._endpoints(_region(name)).get_operation({"name": name}, **CALL))
        except NotFound:
            return None
        return Operation(
            name=name, done=found.done, error_code=found.error.code, error_message=found.error.message
        )

    def under_way(self, name: str) -> tuple[str, ...]:
        """Names of the operations on an endpoint or a model that are not done."""
        own = self._operations(name)
        garden = [
            operation
            for operation in self._operations(_parent(name))
            if operation.metadata.type_url.endswith(".DeployOperationMetadata")
        ]
        return tuple(dict.fromkeys(operation.name for operation in (*own, *garden) if not operation.done))

    def _operations(self, parent: str) -> tuple[Any, ...]:
        client, found, token = self._endpoints(_region(parent)), [], ""

        def listed(token: str) -> Any:
            request = {"name": parent, "page_size": 100, "page_token": token}
            return looked_up(lambda: client.list_operations(request, **CALL))

        while True:
            try:
                page = listed(token)
            except ParseError:
                # Others' operations may be of the other version (the console's are): its types read them.
                importlib.import_module("google.cloud.aiplatform_v1")
                page = listed(token)
            found += page.operations
            token = page.next_page_token
            if not token:
                return tuple(found)


def _region(name: str) -> str:
    return name.split("/")[3]


def _parent(name: str) -> str:
    return "/".join(name.split("/")[:4])


def _started(operation: Any) -> str:
    return str(operation.operation.name)
