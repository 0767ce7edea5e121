"""Model Garden: the call that registers weights, makes an endpoint and deploys; and recommendations."""

import re
from typing import Any

from vertex_emulator.api.common import Scope, scope
from vertex_emulator.api.deployments import add_deployed
from vertex_emulator.api.endpoints import claim_endpoint, new_endpoint
from vertex_emulator.api.models import claim_model
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.catalog import FINAL_WEIGHTS
from vertex_emulator.containers import IMAGE, serving_container
from vertex_emulator.jobs import operations
from vertex_emulator.machines import charged, check_resources, default_resources, held, machine_spec
from vertex_emulator.quota import serving_quota
from vertex_emulator.registry import add_version
from vertex_emulator.service import Method, Service, Step
from vertex_emulator.store.operations import Operation
from vertex_emulator.store.resources import Kind
from vertex_emulator.weights import find_weights
from vertex_emulator.wire.errors import ApiError, invalid
from vertex_emulator.wire.names import check_display_name, gcs_uri
from vertex_emulator.wire.proto import parse

Json = dict[str, Any]

_PUBLISHER_MODEL = re.compile(r"publishers/[\w.-]+/models/[\w.-]+(?:@[\w.-]+)?")
_ENDPOINT = ("privateServiceConnectConfig",)
"""The endpoint fields of a request that the endpoint then shows."""
_RECOMMENDED = ("g2-standard-12", "g2-standard-24", "a2-ultragpu-1g", "a3-highgpu-8g")
"""Machines that custom weights are recommended to run on, the smallest first."""
_HUGGING_FACE = re.compile(r"[\w.-]+/[\w.-]+")


def deploy(call: Call) -> Json:
    """Begin to deploy custom weights, or a publisher's model, on a new endpoint."""
    where = scope(call)
    request = parse(call.version, "DeployRequest", call.payload)
    source = _source(call.service, request)
    resources = request.get("deployConfig", {}).get("dedicatedResources") or default_resources()
    check_resources(resources)
    endpoint, model = request.get("endpointConfig", {}), request.get("modelConfig", {})
    check_display_name(endpoint.get("endpointDisplayName", ""), "endpoint_config.endpoint_display_name")
    check_display_name(model.get("modelDisplayName", ""), "model_config.model_display_name")
    own = where.project.settings.own_ids
    endpoint_name = claim_endpoint(call.service, where, None if own else endpoint.get("endpointUserId"))
    model_name = claim_model(call.service, where, None if own else model.get("modelUserId"))
    title = source.get("artifactUri") or source["publisherModel"]
    default_name = f"{title.rstrip('/').rpartition('/')[2]}-mg-one-click-deploy"
    return operations.begin(
        call.service,
        method="Deploy",
        version=call.version,
        parent=where.parent,
        payload={
            "parent": where.parent,
            "endpoint": endpoint_name,
            "model": model_name,
            "endpointDisplayName": endpoint.get("endpointDisplayName") or default_name,
            "dedicated": not endpoint.get("dedicatedEndpointDisabled", False),
            "modelDisplayName": model.get("modelDisplayName") or default_name,
            "endpointConfig": {key: endpoint[key] for key in _ENDPOINT if key in endpoint},
            "containerSpec": model.get("containerSpec") or _container(call.service, where, source, resources),
            "source": source,
            "resources": resources,
            "systemLabels": request.get("deployConfig", {}).get("systemLabels", {}),
            "deployedId": operations.new_id(),
        },
        reserve=(endpoint_name, model_name),
        fault=call.faults.operation,
    )


def _source(service: Service, request: Json) -> Json:
    """What is to be deployed: `artifactUri` of weights, or the name of a publisher's model."""
    if "customModel" in request:
        uri = request["customModel"]["gcsUri"]
        find_weights(service.store, uri, "custom_model.gcs_uri")
        return {"artifactUri": uri.rstrip("/")}
    if name := request.get("publisherModelName"):
        if not _PUBLISHER_MODEL.fullmatch(name):
            raise invalid(f"Invalid publisher_model_name '{name}'.")
        return {"publisherModel": name}
    if name := request.get("huggingFaceModelId"):
        if not _HUGGING_FACE.fullmatch(name):
            raise invalid(f"Invalid hugging_face_model_id '{name}'.")
        author, _, model = name.lower().partition("/")
        return {"publisherModel": f"publishers/hf-{author}/models/{model}@001"}
    raise invalid(
        "Required field is not set: one of publisher_model_name, hugging_face_model_id or custom_model"
    )


def _upload(service: Service, operation: Operation) -> None:
    payload, source = operation.payload, operation.payload["source"]
    given: Json = {"displayName": payload["modelDisplayName"], "containerSpec": payload["containerSpec"]}
    if "artifactUri" in source:
        given["artifactUri"] = source["artifactUri"]
    else:
        given["baseModelSource"] = {"modelGardenSource": {"publicModelName": source["publisherModel"]}}
    add_version(service, payload["parent"], payload["model"], given, service.now())


def _make_endpoint(service: Service, operation: Operation) -> None:
    payload, now = operation.payload, service.now()
    given: Json = {"displayName": payload["endpointDisplayName"], **payload["endpointConfig"]}
    if payload["dedicated"] and "privateServiceConnectConfig" not in given:
        given["dedicatedEndpointEnabled"] = True
    body = new_endpoint(payload["endpoint"], given, now)
    service.store.resources.insert(Kind.ENDPOINT, payload["parent"], payload["endpoint"], body, now=now)


def _deploy(service: Service, operation: Operation) -> None:
    payload = operation.payload
    record = service.store.resources.get(payload["endpoint"])
    deployed = {
        "id": payload["deployedId"],
        "model": payload["model"],
        "modelVersionId": "1",
        "displayName": payload["modelDisplayName"],
        "dedicatedResources": payload["resources"],
        **({"systemLabels": payload["systemLabels"]} if payload["systemLabels"] else {}),
    }
    add_deployed(service, record, deployed, {"0": 100})


def _answer(_service: Service, operation: Operation) -> Json:
    payload = operation.payload
    answer = {"endpoint": payload["endpoint"], "model": f"{payload['model']}@1"}
    if "publisherModel" in payload["source"]:
        answer["publisherModel"] = payload["source"]["publisherModel"]
    return answer


def _describe(operation: Operation) -> Json:
    payload = operation.payload
    described = {
        "destination": payload["parent"],
        "projectNumber": payload["parent"].split("/")[1],
        "modelId": payload["model"].rpartition("/")[2],
    }
    if "publisherModel" in payload["source"]:
        described["publisherModel"] = payload["source"]["publisherModel"]
    return described


def recommend(call: Call) -> Json:
    """Which machines and which container fit the weights at a URI."""
    where = scope(call)
    request = parse(call.version, "RecommendSpecRequest", call.payload)
    try:
        find_weights(call.service.store, request["gcsUri"], "gcs_uri")
    except ApiError as error:
        raise invalid(error.message) from None
    uri = request["gcsUri"].rstrip("/")
    base = _base_of(call.service, where.project.number, uri)
    answer: Json = {"baseModel": base} if base else {}
    specs = [_spec(machine, uri, base) for machine in _RECOMMENDED]
    if not request.get("checkMachineAvailability"):
        return {**answer, "specs": specs}
    found: list[Json] = [{"region": where.location, "spec": spec} for spec in specs]
    if request.get("checkUserQuota"):
        found = [
            {**each, "userQuotaState": _quota_state(call.service, where, each["spec"])} for each in found
        ]
    return {**answer, "recommendations": found}


def _spec(machine: str, uri: str, base: str | None) -> Json:
    spec = machine_spec(machine)
    return {
        "machineSpec": spec,
        "containerSpec": serving_container(uri, spec["acceleratorCount"], base or ""),
    }


def _quota_state(service: Service, where: Scope, spec: Json) -> str:
    charge = charged({"dedicatedResources": {"machineSpec": spec["machineSpec"]}})
    if charge is None:
        return "QUOTA_STATE_NO_USER_QUOTA"
    quota, needed = charge
    free = serving_quota(service, where.project, quota, where.location) - held(service, where.parent, quota)
    return "QUOTA_STATE_USER_HAS_QUOTA" if free >= needed else "QUOTA_STATE_NO_USER_QUOTA"


def _container(service: Service, where: Scope, source: Json, resources: Json) -> Json:
    """The container that Model Garden chooses: it reads the weights by their folder."""
    if "artifactUri" not in source:
        return {"imageUri": IMAGE}
    base = _base_of(service, where.project.number, source["artifactUri"])
    count = resources["machineSpec"].get("acceleratorCount", 1)
    return serving_container(source["artifactUri"], count, base or "")


def _base_of(service: Service, project: int, uri: str) -> str | None:
    """The base model of the project's tuning job that left its weights there."""
    for record in service.store.resources.of_project(Kind.TUNING_JOB, project):
        if str(gcs_uri(record.body["outputUri"], "output_uri").child(FINAL_WEIGHTS)) == uri:
            base: str = record.body["baseModel"]
            return base
    return None


METHODS = {
    "Deploy": Method(
        "DeployOperationMetadata",
        (Step(_upload), Step(_make_endpoint), Step(_deploy, lambda speed: speed.deploy_s)),
        "DeployResponse",
        _answer,
        _describe,
    )
}

_LOCATION = "/{version}/projects/{project}/locations/{location}"
ROUTES: tuple[Route, ...] = (
    books("POST", f"{_LOCATION}:deploy", "google.cloud.aiplatform.ModelGardenService.Deploy", deploy),
    books(
        "POST", f"{_LOCATION}:recommendSpec", "google.cloud.aiplatform.ModelService.RecommendSpec", recommend
    ),
)
