"""Endpoints and models through Google's v1beta1 clients: custom weights are deployed there alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud.aiplatform_v1beta1 import types as wire
from google.protobuf.field_mask_pb2 import FieldMask

from . import named, operations
from .address import address
from .client import (
    Answer,
    ContainerSpec,
    Endpoint,
    Logging,
    MachineRequest,
    Operation,
    RegisteredModel,
    RequestLogging,
)
from .connection import Connection
from .errors import InvalidRequest, NotFound, Unavailable, VertexError
from .prediction import PlainJson, predict
from .rest import Rest, read
from .retry import looked_up, once, repeated
from .serving_wire import (
    container_to_wire,
    container_view,
    endpoint_view,
    fits_view,
    logging_to_wire,
    machine_to_wire,
    recommended,
)

_CUT_OFF = 504
_SHARED_TIME = (
    ": a shared endpoint ends a request after 60 s; ask for less, or take out serving.dedicated: false"
)
DEPLOY = "DeployOperationMetadata"
"""What operations of Model Garden's one call carry."""


class GoogleServing:
    """``client.Serving`` on the real service or on one that speaks like it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rest = Rest(connection)
        self._plain = PlainJson(connection)
        self._addresses: dict[str, tuple[str, bool]] = {}
        self._done: dict[str, Operation] = {}

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint, or ``None``."""
        try:
            return endpoint_view(self._rest.get(wire.Endpoint, name))
        except NotFound:
            return None

    def endpoints(self, project: str, region: str) -> tuple[Endpoint, ...]:
        """Every endpoint of a region."""
        pages = self._rest.pages(f"{_place(project, region)}/endpoints")
        return tuple(
            endpoint_view(each) for page in pages for each in read(wire.ListEndpointsResponse, page).endpoints
        )

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
        """Make an empty endpoint under the id at the end of ``name``."""
        endpoint = wire.Endpoint(display_name=display_name, labels=dict(labels))
        if psc_projects is None:
            endpoint.dedicated_endpoint_enabled = dedicated
        else:
            endpoint.private_service_connect_config = _private(psc_projects)
        if kms_key is not None:
            endpoint.encryption_spec = wire.EncryptionSpec(kms_key_name=kms_key)
        if logging is not None and logging.table:
            endpoint.predict_request_response_logging_config = logging_to_wire(logging)
        parent, _, endpoint_id = name.rpartition("/")
        return self._started(
            once(lambda: self._rest.call("POST", parent, endpoint, endpointId=endpoint_id)), parent
        )

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
        if logging is not None:
            if logging.table:
                endpoint.predict_request_response_logging_config = logging_to_wire(logging)
            mask.append("predict_request_response_logging_config")
        if mask:
            fields = FieldMask(paths=mask).ToJsonString()
            looked_up(lambda: self._rest.call("PATCH", name, endpoint, updateMask=fields))

    def delete_endpoint(self, name: str) -> str | None:
        """Delete an empty endpoint; ``None`` when it is gone already."""
        try:
            return self._started(looked_up(lambda: self._rest.call("DELETE", name)), name)
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
        container: ContainerSpec | None,
        *,
        dedicated: bool = True,
        psc_projects: tuple[str, ...] | None = None,
    ) -> str:
        """Model Garden's one call: makes the endpoint, the model and the deployment."""
        place = wire.DeployRequest.EndpointConfig(
            endpoint_display_name=endpoint_display_name,
            endpoint_user_id=endpoint.rsplit("/", 1)[1],
            dedicated_endpoint_disabled=not dedicated,
        )
        if psc_projects is not None:
            place.private_service_connect_config = _private(psc_projects)
        request = wire.DeployRequest(
            custom_model=wire.DeployRequest.CustomModel(gcs_uri=artifacts_uri),
            endpoint_config=place,
            model_config=wire.DeployRequest.ModelConfig(
                model_display_name=model_display_name,
                model_user_id=model_id,
                container_spec=container_to_wire(container) if container else None,
            ),
            deploy_config=wire.DeployRequest.DeployConfig(dedicated_resources=machine_to_wire(machine)),
        )
        return self._started(
            once(lambda: self._rest.call("POST", f"{_parent(endpoint)}:deploy", request)), endpoint
        )

    def upload_model(
        self,
        model: str,
        display_name: str,
        artifacts_uri: str,
        container: ContainerSpec,
        labels: Mapping[str, str],
    ) -> str:
        """Register weights and their container under the id at the end of ``model``."""
        request = wire.UploadModelRequest(
            model_id=model.rsplit("/", 1)[1],
            model=wire.Model(
                display_name=display_name,
                artifact_uri=artifacts_uri,
                container_spec=container_to_wire(container),
                labels=dict(labels),
            ),
        )
        return self._started(
            once(lambda: self._rest.call("POST", f"{_parent(model)}/models:upload", request)), model
        )

    def label_model(self, model: str, labels: Mapping[str, str]) -> None:
        """Give a registered model these labels, in place of those that it has."""
        labelled = wire.Model(name=model, labels=dict(labels))
        looked_up(lambda: self._rest.call("PATCH", model, labelled, updateMask="labels"))

    def model(self, name: str) -> RegisteredModel | None:
        """The registered model, or ``None``."""
        try:
            found = self._rest.get(wire.Model, name)
        except NotFound:
            return None
        return RegisteredModel(
            container=container_view(found.container_spec),
            artifacts_uri=found.artifact_uri.rstrip("/") or None,
            labels=dict(found.labels),
        )

    def recommended_container(
        self, project: str, region: str, artifacts_uri: str, machine: MachineRequest
    ) -> ContainerSpec | None:
        """What Vertex AI would serve these weights with on this machine; ``None`` when it does not say."""
        answer = self._recommended(_place(project, region), wire.RecommendSpecRequest(gcs_uri=artifacts_uri))
        return recommended(answer, region, machine)

    def models(self, project: str, region: str) -> tuple[str, ...]:
        """Full names of a region's registered models."""
        pages = self._rest.pages(f"{_place(project, region)}/models")
        return tuple(model.name for page in pages for model in read(wire.ListModelsResponse, page).models)

    def fitting_machines(self, project: str, region: str, artifacts_uri: str) -> tuple[str, ...]:
        """Where these weights would run, best first, with whether quota is there."""
        request = wire.RecommendSpecRequest(
            gcs_uri=artifacts_uri, check_machine_availability=True, check_user_quota=True
        )
        answer = self._recommended(_place(project, region), request)
        has = wire.RecommendSpecResponse.Recommendation.QuotaState.QUOTA_STATE_USER_HAS_QUOTA
        ranked = sorted(answer.recommendations, key=lambda each: each.user_quota_state != has)
        return tuple(
            fits_view(each.spec.machine_spec, each.region, has_quota=each.user_quota_state == has)
            for each in ranked
        )

    def _recommended(self, place: str, request: wire.RecommendSpecRequest) -> wire.RecommendSpecResponse:
        answer = looked_up(lambda: self._rest.call("POST", f"{place}:recommendSpec", request))
        return read(wire.RecommendSpecResponse, answer)

    def delete_model(self, model: str) -> str | None:
        """Delete a registered model; ``None`` when it is gone already."""
        try:
            return self._started(looked_up(lambda: self._rest.call("DELETE", model)), model)
        except NotFound:
            return None

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
        deployed = wire.DeployedModel(
            model=model,
            display_name=display_name,
            dedicated_resources=machine_to_wire(machine),
            service_account=service_account or "",
            enable_container_logging=logging.container,
            enable_access_logging=logging.access,
        )
        request = wire.DeployModelRequest(deployed_model=deployed)
        return self._started(
            once(lambda: self._rest.call("POST", f"{endpoint}:deployModel", request)), endpoint
        )

    def undeploy(self, endpoint: str, deployed_id: str, traffic: Mapping[str, int]) -> str | None:
        """Take it off; ``traffic`` is what the others get. ``None`` when it is off already."""
        try:
            request = wire.UndeployModelRequest(deployed_model_id=deployed_id, traffic_split=dict(traffic))
            return self._started(
                looked_up(lambda: self._rest.call("POST", f"{endpoint}:undeployModel", request)), endpoint
            )
        except NotFound:
            return None
        except InvalidRequest:
            live = self.endpoint(endpoint)
            if live is None or all(deployed.id != deployed_id for deployed in live.deployed):
                return None
            raise

    def rescale(self, endpoint: str, deployed_id: str, machine: MachineRequest) -> str:
        """Change replicas and autoscaling of a deployed model."""
        resources = machine_to_wire(machine)
        paths = ["min_replica_count", "max_replica_count", "autoscaling_metric_specs"]
        paths += ["required_replica_count"] if machine.required_replicas is not None else []
        deployed = wire.DeployedModel(id=deployed_id, dedicated_resources=resources)
        return self._mutate(endpoint, deployed, [f"dedicated_resources.{path}" for path in paths])

    def log_container(self, endpoint: str, deployed_id: str, *, on: bool) -> str:
        """Switch the logs of a deployed model's container on or off."""
        deployed = wire.DeployedModel(id=deployed_id, enable_container_logging=on)
        return self._mutate(endpoint, deployed, ["enable_container_logging"])

    def _mutate(self, endpoint: str, deployed: wire.DeployedModel, paths: list[str]) -> str:
        request = wire.MutateDeployedModelRequest(deployed_model=deployed, update_mask=FieldMask(paths=paths))
        return self._started(
            repeated(lambda: self._rest.call("POST", f"{endpoint}:mutateDeployedModel", request)), endpoint
        )

    def ask(self, endpoint: str, instances: Sequence[Mapping[str, Any]]) -> Answer:
        """Predictions of whichever deployed model the traffic split chooses."""
        if endpoint not in self._addresses:
            found = self.endpoint(endpoint)
            if found is None:
                raise NotFound("the endpoint does not exist")
            where = address(endpoint, found, self._connection.endpoint)
            self._addresses[endpoint] = where, not found.dedicated
        where, shared = self._addresses[endpoint]
        try:
            return predict(self._plain, where, instances)
        except VertexError as error:
            # Somebody may have made it anew in another form.
            self._addresses.pop(endpoint, None)
            if shared and getattr(error.__cause__, "code", 0) == _CUT_OFF:
                raise Unavailable(f"{str(error).rstrip('.')}{_SHARED_TIME}") from error
            raise

    def operation(self, name: str) -> Operation | None:
        """The operation, or ``None`` when it is no longer known."""
        return self._done.pop(name, None) or operations.get(self._rest, name)

    def _started(self, answer: bytes, name: str) -> str:
        """The operation that a call on ``name`` has started, or on something in the same place."""
        _, project, _, location, *_ = name.split("/")
        started = operations.read(answer)
        named.operation(started.name, project, location)
        if started.done:
            self._done[started.name] = started
        return started.name

    def changing(self, endpoint: str) -> bool:
        """Whether an operation on it is not done."""
        return any(not operation.done for operation in operations.below(self._rest, endpoint))

    def under_way(self, name: str, since: float = 0.0) -> tuple[str, ...]:
        """Names of the operations on an endpoint or a model that are not done."""
        own = operations.below(self._rest, name)
        region = operations.below(self._rest, _parent(name))
        garden = (operation for operation in region if operation.kind == DEPLOY)
        found = (each for each in (*own, *garden) if not each.done and (each.began or since) >= since)
        return tuple(dict.fromkeys(operation.name for operation in found))


def _private(projects: Sequence[str]) -> wire.PrivateServiceConnectConfig:
    return wire.PrivateServiceConnectConfig(enable_private_service_connect=True, project_allowlist=projects)


def _place(project: str, region: str) -> str:
    return f"projects/{project}/locations/{region}"


def _parent(name: str) -> str:
    return "/".join(name.split("/")[:4])
