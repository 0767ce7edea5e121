"""Endpoints: create, get, list, update, delete."""

from vertex_emulator.api.common import (
    Json,
    Scope,
    check_etag,
    mask_fields,
    name_in,
    scope,
)
from vertex_emulator.api.listing import listing
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.jobs import operations
from vertex_emulator.service import Method, Service, Step
from vertex_emulator.store.operations import Operation
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.traffic import check_split
from vertex_emulator.wire.errors import exists, invalid, precondition
from vertex_emulator.wire.names import check_display_name, check_endpoint_id, check_labels
from vertex_emulator.wire.proto import parse, render
from vertex_emulator.wire.times import etag, rfc3339

_INPUTS = (
    "displayName", "description", "labels", "encryptionSpec", "network", "enablePrivateServiceConnect",
    "privateServiceConnectConfig", "predictRequestResponseLoggingConfig", "clientConnectionConfig",
    "dedicatedEndpointEnabled",
)  # fmt: skip
_UPDATABLE = frozenset(
    {"displayName", "description", "labels", "trafficSplit", "predictRequestResponseLoggingConfig",
     "clientConnectionConfig"}
)  # fmt: skip
_FILTERABLE = frozenset({"endpoint", "display_name", "create_time", "update_time", "description"})


def new_endpoint(name: str, given: Json, now: float) -> Json:
    """The stored endpoint from a request's fields.

    Private service connect wins over a dedicated DNS name: such an endpoint has none.
    """
    stamp = rfc3339(now)
    inputs = {key: given[key] for key in _INPUTS if key in given}
    if "privateServiceConnectConfig" in inputs:
        inputs.pop("dedicatedEndpointEnabled", None)
    return {"name": name, **inputs, "etag": etag(now), "createTime": stamp, "updateTime": stamp}


def view(service: Service, body: Json) -> Json:
    """An endpoint as it is answered: with the replicas that run, and a dedicated one with its DNS name."""
    if not body.get("deployedModels"):
        return body
    shown = {**body, "deployedModels": [_running(service, each) for each in body["deployedModels"]]}
    if body.get("dedicatedEndpointEnabled"):
        shown["dedicatedEndpointDns"] = service.settings.dedicated
    return shown


def _running(service: Service, deployed: Json) -> Json:
    available = service.replicas.available(deployed, service.now())
    return {**deployed, "status": {**deployed["status"], "availableReplicaCount": available}}


def touch(record: Record, now: float) -> None:
    """Mark a resource as changed."""
    record.body["updateTime"] = rfc3339(now)
    record.body["etag"] = etag(now)


def named(call: Call) -> Record:
    """The endpoint of a call."""
    return call.service.store.resources.get(name_in(scope(call), Kind.ENDPOINT, call.params["endpoint"]))


def create(call: Call) -> Json:
    """Begin to create an endpoint, under an id of the caller's choice if one is given."""
    where = scope(call)
    given = parse(call.version, "Endpoint", call.payload)
    chosen = call.arguments("endpointId").get("endpointId")
    check_endpoint(given)
    name = claim_endpoint(call.service, where, chosen)
    return operations.begin(
        call.service,
        method="CreateEndpoint",
        version=call.version,
        parent=name,
        payload={"name": name, "parent": where.parent, "endpoint": given},
        reserve=(name,),
        fault=call.faults.operation,
    )


def check_endpoint(given: Json) -> None:
    """Refuse a display name or labels that Vertex AI would refuse."""
    check_display_name(given.get("displayName", ""), "display_name")
    check_labels(given.get("labels", {}))


def claim_endpoint(service: Service, where: Scope, chosen: str | None) -> str:
    """The name for a new endpoint; an id that is taken is refused with ALREADY_EXISTS."""
    if chosen:
        check_endpoint_id(chosen)
    name = name_in(where, Kind.ENDPOINT, chosen or operations.new_id())
    if service.store.resources.find(name) is not None:
        raise exists(name)
    return name


def _create(service: Service, operation: Operation) -> None:
    payload, now = operation.payload, service.now()
    body = new_endpoint(payload["name"], payload["endpoint"], now)
    service.store.resources.insert(Kind.ENDPOINT, payload["parent"], payload["name"], body, now=now)


def get(call: Call) -> Json:
    """One endpoint."""
    return render(call.version, "Endpoint", view(call.service, named(call).body))


def list_(call: Call) -> Json:
    """The endpoints of a location."""
    records = call.service.store.resources.children(Kind.ENDPOINT, scope(call).parent)
    for record in records:
        record.body = view(call.service, record.body)
    return listing(call, "Endpoint", "endpoints", records, _FILTERABLE)


def update(call: Call) -> Json:
    """Change what the update mask names, the traffic split included."""
    given = parse(call.version, "Endpoint", call.payload, partial=True)
    fields = mask_fields(call.arguments("updateMask").get("updateMask", ""), _UPDATABLE)
    record = named(call)
    check_etag(given, record)
    _apply(call.service, record, given, fields)
    return render(call.version, "Endpoint", view(call.service, record.body))


def update_long_running(call: Call) -> Json:
    """The same without a mask, as an operation: for the client connection and logging settings."""
    request = parse(call.version, "UpdateEndpointLongRunningRequest", call.payload)
    record = named(call)
    fields = {"clientConnectionConfig", "predictRequestResponseLoggingConfig"} & set(request["endpoint"])
    return operations.begin(
        call.service,
        method="UpdateEndpointLongRunning",
        version=call.version,
        parent=record.name,
        payload={"name": record.name, "given": request["endpoint"], "fields": sorted(fields)},
        fault=call.faults.operation,
    )


def _update(service: Service, operation: Operation) -> None:
    payload = operation.payload
    record = service.store.resources.get(payload["name"])
    _apply(service, record, payload["given"], set(payload["fields"]))


def _apply(service: Service, record: Record, given: Json, fields: set[str]) -> None:
    if "displayName" in fields and not given.get("displayName"):
        raise invalid("Required field is not set: endpoint.display_name")
    check_endpoint({key: value for key, value in given.items() if key in fields})
    if "trafficSplit" in fields:
        deployed = {item["id"] for item in record.body.get("deployedModels", [])}
        check_split(given.get("trafficSplit", {}), deployed)
    for field in fields:
        if given.get(field):
            record.body[field] = given[field]
        else:
            record.body.pop(field, None)
    touch(record, service.now())
    service.store.resources.save(record)


def delete(call: Call) -> Json:
    """Begin to delete an endpoint; one that serves is refused."""
    record = named(call)
    _refuse_deployed(record)
    return operations.begin(
        call.service,
        method="DeleteEndpoint",
        version=call.version,
        parent=record.name,
        payload={"name": record.name},
        fault=call.faults.operation,
    )


def _delete(service: Service, operation: Operation) -> None:
    record = service.store.resources.get(operation.payload["name"])
    _refuse_deployed(record)
    service.store.resources.delete(record.name)


def _refuse_deployed(record: Record) -> None:
    deployed = [item["id"] for item in record.body.get("deployedModels", [])]
    if deployed:
        raise precondition(
            f"Endpoint {record.name} cannot be deleted: models are deployed to it: {', '.join(deployed)}."
        )


def shown(service: Service, operation: Operation) -> Json:
    """The endpoint that an operation has made or changed."""
    return view(service, service.store.resources.get(operation.payload["name"]).body)


METHODS = {
    "CreateEndpoint": Method("CreateEndpointOperationMetadata", (Step(_create),), "Endpoint", shown),
    "UpdateEndpointLongRunning": Method(
        "UpdateEndpointOperationMetadata", (Step(_update),), "Endpoint", shown
    ),
    "DeleteEndpoint": Method("DeleteOperationMetadata", (Step(_delete),)),
}

_SERVICE = "google.cloud.aiplatform.EndpointService"
_ALL = "/{version}/projects/{project}/locations/{location}/endpoints"
_ONE = f"{_ALL}/{{endpoint}}"
ROUTES: tuple[Route, ...] = (
    books("POST", _ALL, f"{_SERVICE}.CreateEndpoint", create),
    books("GET", _ALL, f"{_SERVICE}.ListEndpoints", list_),
    books("GET", _ONE, f"{_SERVICE}.GetEndpoint", get),
    books("PATCH", _ONE, f"{_SERVICE}.UpdateEndpoint", update),
    books("POST", f"{_ONE}:update", f"{_SERVICE}.UpdateEndpointLongRunning", update_long_running),
    books("DELETE", _ONE, f"{_SERVICE}.DeleteEndpoint", delete),
)
