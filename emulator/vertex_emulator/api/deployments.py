"""Deployed models on an endpoint that exists: deploy, undeploy, change."""

from vertex_emulator.api.common import Json, mask_fields
from vertex_emulator.api.endpoints import named, touch
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.jobs import operations
from vertex_emulator.machines import check_resources, require_capacity
from vertex_emulator.registry import resolve
from vertex_emulator.service import Method, Service, Step
from vertex_emulator.store.operations import Operation
from vertex_emulator.store.resources import Record
from vertex_emulator.traffic import NEW, after_deploy, after_replace, after_undeploy, check_split
from vertex_emulator.wire.errors import exists, invalid, not_found
from vertex_emulator.wire.proto import parse
from vertex_emulator.wire.times import rfc3339

_MUTABLE = frozenset(
    {"dedicatedResources", "automaticResources", "disableContainerLogging", "enableContainerLogging"}
)


def deployed_models(record: Record) -> list[Json]:
    """The deployed models of an endpoint."""
    found: list[Json] = record.body.get("deployedModels", [])
    return found


def deploy(call: Call) -> Json:
    """Begin to deploy a model of the registry."""
    request = parse(call.version, "DeployModelRequest", call.payload)
    record = named(call)
    deployed = request["deployedModel"]
    model = resolve(call.service, deployed.get("model", ""))
    check_deployed(deployed)
    others = {item["id"] for item in deployed_models(record)}
    new_id = deployed.get("id") or operations.new_id()
    if new_id in others:
        raise exists(f"DeployedModel {new_id} of {record.name}")
    previous = deployed.get("rolloutOptions", {}).get("previousDeployedModel")
    if previous and previous not in others:
        raise not_found(f"DeployedModel {previous} of {record.name}")
    check_split(request.get("trafficSplit", {}), others - {previous} | {NEW, new_id})
    return operations.begin(
        call.service,
        method="DeployModel",
        version=call.version,
        parent=record.name,
        payload={
            "name": record.name,
            "trafficSplit": request.get("trafficSplit"),
            "deployed": {
                **deployed,
                "id": new_id,
                "displayName": deployed.get("displayName") or model.body["displayName"],
                "model": model.name.partition("@")[0],
                "modelVersionId": model.body["versionId"],
            },
        },
        fault=call.faults.operation,
    )


def check_deployed(deployed: Json) -> None:
    """A deployed model runs on dedicated resources here, as open models do."""
    if "dedicatedResources" not in deployed:
        raise invalid(
            "Required field is not set: deployed_model.dedicated_resources (the model supports "
            "DEDICATED_RESOURCES only)."
        )
    check_resources(deployed["dedicatedResources"])


def add_deployed(service: Service, record: Record, deployed: Json, split: Json | None) -> None:
    """Put a deployed model on its endpoint if the region has the accelerators for it."""
    project = service.store.projects.get(record.name.split("/")[1])
    require_capacity(service, project, record.parent, deployed)
    now = service.now()
    previous = deployed.get("rolloutOptions", {}).get("previousDeployedModel")
    kept = [item for item in deployed_models(record) if item["id"] != previous]
    others = {item["id"] for item in kept}
    if deployed["id"] in others:
        raise exists(f"DeployedModel {deployed['id']} of {record.name}")
    entry = {**deployed, "createTime": rfc3339(now), "status": {"lastUpdateTime": rfc3339(now)}}
    service.replicas.begin(entry, now)
    before = record.body.get("trafficSplit", {})
    if previous and not split:
        traffic = after_replace(before, previous, deployed["id"])
    else:
        traffic = after_deploy(before, split, deployed["id"], others)
    record.body["deployedModels"] = [*kept, entry]
    _set_split(record, traffic)
    touch(record, now)
    service.store.resources.save(record)


def _set_split(record: Record, split: dict[str, int]) -> None:
    if split:
        record.body["trafficSplit"] = split
    else:
        record.body.pop("trafficSplit", None)


def _deploy(service: Service, operation: Operation) -> None:
    payload = operation.payload
    record = service.store.resources.get(payload["name"])
    resolve(service, f"{payload['deployed']['model']}@{payload['deployed']['modelVersionId']}")
    add_deployed(service, record, payload["deployed"], payload["trafficSplit"])


def _deployed_answer(service: Service, operation: Operation) -> Json:
    record = service.store.resources.get(operation.payload["name"])
    return {"deployedModel": _find(record, operation.payload["deployed"]["id"])}


def _find(record: Record, deployed_id: str) -> Json:
    for item in deployed_models(record):
        if item["id"] == deployed_id:
            return item
    raise not_found(f"DeployedModel {deployed_id} of {record.name}")


def undeploy(call: Call) -> Json:
    """Begin to undeploy a model from its endpoint."""
    request = parse(call.version, "UndeployModelRequest", call.payload)
    record = named(call)
    gone, split = request["deployedModelId"], request.get("trafficSplit")
    _find(record, gone)
    _without(record, gone, split)
    return operations.begin(
        call.service,
        method="UndeployModel",
        version=call.version,
        parent=record.name,
        payload={"name": record.name, "id": gone, "trafficSplit": split},
        fault=call.faults.operation,
    )


def _without(record: Record, gone: str, split: Json | None) -> dict[str, int]:
    left = {item["id"] for item in deployed_models(record)} - {gone}
    return after_undeploy(record.body.get("trafficSplit", {}), split, gone, left)


def _undeploy(service: Service, operation: Operation) -> None:
    payload = operation.payload
    record = service.store.resources.get(payload["name"])
    _find(record, payload["id"])
    traffic = _without(record, payload["id"], payload["trafficSplit"])
    record.body["deployedModels"] = [item for item in deployed_models(record) if item["id"] != payload["id"]]
    _set_split(record, traffic)
    touch(record, service.now())
    service.store.resources.save(record)


def mutate(call: Call) -> Json:
    """Begin to change the machines or the logging of a deployed model."""
    request = parse(call.version, "MutateDeployedModelRequest", call.payload, partial=True)
    for field in ("deployedModel", "updateMask"):
        if field not in request:
            raise invalid(f"Required field is not set: {field}")
    record = named(call)
    change = request["deployedModel"]
    fields = mask_fields(_heads(request["updateMask"]), _MUTABLE)
    entry = _find(record, change.get("id", ""))
    kept = {key: value for key, value in entry.items() if key not in fields}
    wanted = {**kept, **{key: change[key] for key in fields if key in change}}
    if "dedicatedResources" in fields:
        resources = {**entry.get("dedicatedResources", {}), **change.get("dedicatedResources", {})}
        wanted["dedicatedResources"] = resources
    check_deployed(wanted)
    return operations.begin(
        call.service,
        method="MutateDeployedModel",
        version=call.version,
        parent=record.name,
        payload={"name": record.name, "deployed": wanted},
        fault=call.faults.operation,
    )


def _heads(mask: str) -> str:
    return ",".join(sorted({path.partition(".")[0] for path in mask.split(",")}))


def _mutate(service: Service, operation: Operation) -> None:
    wanted = operation.payload["deployed"]
    record = service.store.resources.get(operation.payload["name"])
    _find(record, wanted["id"])
    others = [item for item in deployed_models(record) if item["id"] != wanted["id"]]
    # The model's current machines count as free; a refusal rolls this back.
    record.body["deployedModels"] = others
    service.store.resources.save(record)
    project = service.store.projects.get(record.name.split("/")[1])
    require_capacity(service, project, record.parent, wanted)
    record.body["deployedModels"] = [*others, wanted]
    touch(record, service.now())
    service.store.resources.save(record)


METHODS = {
    "DeployModel": Method(
        "DeployModelOperationMetadata",
        (Step(_deploy, lambda speed: speed.deploy_s),),
        "DeployModelResponse",
        _deployed_answer,
    ),
    "UndeployModel": Method("UndeployModelOperationMetadata", (Step(_undeploy),), "UndeployModelResponse"),
    "MutateDeployedModel": Method(
        "MutateDeployedModelOperationMetadata",
        (Step(_mutate),),
        "MutateDeployedModelResponse",
        _deployed_answer,
    ),
}

_SERVICE = "google.cloud.aiplatform.EndpointService"
_ONE = "/{version}/projects/{project}/locations/{location}/endpoints/{endpoint}"
ROUTES: tuple[Route, ...] = (
    books("POST", f"{_ONE}:deployModel", f"{_SERVICE}.DeployModel", deploy),
    books("POST", f"{_ONE}:undeployModel", f"{_SERVICE}.UndeployModel", undeploy),
    books("POST", f"{_ONE}:mutateDeployedModel", f"{_SERVICE}.MutateDeployedModel", mutate),
)
