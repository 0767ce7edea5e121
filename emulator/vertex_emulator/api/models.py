"""The model registry: models and their versions. Each version is a resource of its own, `…/models/ID@N`."""

from typing import Any

from vertex_emulator.api.common import Scope, check_etag, mask_fields, name_in, scope
from vertex_emulator.api.endpoints import touch
from vertex_emulator.api.listing import listing
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.jobs import operations
from vertex_emulator.registry import (
    DEFAULT,
    add_version,
    endpoints_with,
    resolve,
    shown,
    take_aliases,
    versions_of,
)
from vertex_emulator.service import Method, Service, Step
from vertex_emulator.store.operations import Operation
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.weights import find_weights
from vertex_emulator.wire.errors import exists, invalid, precondition
from vertex_emulator.wire.names import check_display_name, check_labels, check_model_id
from vertex_emulator.wire.proto import parse, render

Json = dict[str, Any]
_UPDATABLE = frozenset({"displayName", "description", "versionDescription", "labels"})
_FILTERABLE = frozenset({"model", "display_name", "create_time", "update_time", "version_id", "artifact_uri"})


def named(call: Call) -> Record:
    """The model version of a call."""
    return resolve(call.service, f"{scope(call).parent}/models/{call.params['model']}")


def upload(call: Call) -> Json:
    """Begin to register a model, or a new version of one."""
    where = scope(call)
    request = parse(call.version, "UploadModelRequest", call.payload)
    given = request["model"]
    check_model(call.service, given)
    if parent_model := request.get("parentModel"):
        name = resolve(call.service, parent_model).name.partition("@")[0]
        reserve: tuple[str, ...] = ()
    else:
        name = claim_model(call.service, where, request.get("modelId"))
        reserve = (name,)
    return operations.begin(
        call.service,
        method="UploadModel",
        version=call.version,
        parent=name,
        payload={"name": name, "parent": where.parent, "model": given},
        reserve=reserve,
        fault=call.faults.operation,
    )


def claim_model(service: Service, where: Scope, chosen: str | None) -> str:
    """The name for a new model; an id that is taken is refused with ALREADY_EXISTS."""
    if chosen:
        check_model_id(chosen)
    name = name_in(where, Kind.MODEL_VERSION, chosen or operations.new_id())
    if versions_of(service, where.parent, name):
        raise exists(name)
    return name


def check_model(service: Service, given: Json) -> None:
    """Refuse a model that could not be registered."""
    if not given.get("displayName"):
        raise invalid("Required field is not set: model.display_name")
    check_display_name(given["displayName"], "model.display_name")
    check_labels(given.get("labels", {}))
    if "containerSpec" not in given:
        raise invalid("Required field is not set: model.container_spec")
    if "artifactUri" not in given:
        raise invalid("Required field is not set: model.artifact_uri (the emulator serves weights only).")
    find_weights(service.store, given["artifactUri"], "model.artifact_uri")


def _upload(service: Service, operation: Operation) -> None:
    payload = operation.payload
    record = add_version(service, payload["parent"], payload["name"], payload["model"], service.now())
    payload["version"] = record.body["versionId"]


def _uploaded(_service: Service, operation: Operation) -> Json:
    return {"model": operation.payload["name"], "modelVersionId": operation.payload["version"]}


def get(call: Call) -> Json:
    """One version: the one that is named, else the default one."""
    return render(call.version, "Model", shown(call.service, named(call)))


def list_(call: Call) -> Json:
    """The models of a location, each as its default version."""
    records = call.service.store.resources.children(Kind.MODEL_VERSION, scope(call).parent)
    default = [record for record in records if DEFAULT in record.body["versionAliases"]]
    return _listed(call, default)


def list_versions(call: Call) -> Json:
    """The versions of one model."""
    record = named(call)
    return _listed(call, versions_of(call.service, record.parent, record.body["name"]))


def _listed(call: Call, records: list[Record]) -> Json:
    for record in records:
        record.body = shown(call.service, record)
    return listing(call, "Model", "models", records, _FILTERABLE)


def update(call: Call) -> Json:
    """Change what the update mask names."""
    given = parse(call.version, "Model", call.payload, partial=True)
    fields = mask_fields(call.arguments("updateMask").get("updateMask", ""), _UPDATABLE)
    record = named(call)
    check_etag(given, record)
    if "displayName" in fields and not given.get("displayName"):
        raise invalid("Required field is not set: model.display_name")
    check_display_name(given.get("displayName", ""), "model.display_name")
    check_labels(given.get("labels", {}))
    for field in fields:
        if given.get(field):
            record.body[field] = given[field]
        else:
            record.body.pop(field, None)
    touch(record, call.service.now())
    record.body["versionUpdateTime"] = record.body["updateTime"]
    call.service.store.resources.save(record)
    return render(call.version, "Model", shown(call.service, record))


def merge_aliases(call: Call) -> Json:
    """Give a version aliases, or take them away with a leading dash."""
    request = parse(call.version, "MergeVersionAliasesRequest", call.payload)
    record = named(call)
    add = [alias for alias in request["versionAliases"] if not alias.startswith("-")]
    gone = {alias.removeprefix("-") for alias in request["versionAliases"] if alias.startswith("-")}
    if DEFAULT in gone:
        raise invalid("The alias 'default' can be moved to another version, but not removed.")
    for other in versions_of(call.service, record.parent, record.body["name"]):
        if other.name != record.name:
            take_aliases(call.service, other, set(add))
    kept = [alias for alias in record.body["versionAliases"] if alias not in gone]
    record.body["versionAliases"] = [*kept, *(alias for alias in add if alias not in kept)]
    call.service.store.resources.save(record)
    return render(call.version, "Model", shown(call.service, record))


def delete(call: Call) -> Json:
    """Begin to delete a model with all its versions; one that is deployed is refused."""
    record = named(call)
    name = record.body["name"]
    _refuse_deployed(call.service, record.parent, name)
    return _begin_delete(call, name, [item.name for item in versions_of(call.service, record.parent, name)])


def delete_version(call: Call) -> Json:
    """Begin to delete one version, which must not be the default one."""
    record = named(call)
    if "@" not in call.params["model"]:
        raise invalid("A version must be named: models/ID@VERSION.")
    if DEFAULT in record.body["versionAliases"]:
        raise precondition(f"{record.name} is the default version; delete the model instead.")
    _refuse_deployed(call.service, record.parent, record.name)
    return _begin_delete(call, record.body["name"], [record.name])


def _begin_delete(call: Call, name: str, versions: list[str]) -> Json:
    return operations.begin(
        call.service,
        method="DeleteModel",
        version=call.version,
        parent=name,
        payload={"parent": scope(call).parent, "versions": versions},
        fault=call.faults.operation,
    )


def _delete(service: Service, operation: Operation) -> None:
    for name in operation.payload["versions"]:
        _refuse_deployed(service, operation.payload["parent"], name)
        service.store.resources.delete(name)


def _refuse_deployed(service: Service, parent: str, name: str) -> None:
    deployed = endpoints_with(service, parent, name)
    if deployed:
        endpoints = ", ".join(sorted({endpoint for endpoint, _ in deployed}))
        raise precondition(f"Model {name} cannot be deleted: it is deployed to {endpoints}.")


METHODS = {
    "UploadModel": Method("UploadModelOperationMetadata", (Step(_upload),), "UploadModelResponse", _uploaded),
    "DeleteModel": Method("DeleteOperationMetadata", (Step(_delete),)),
}

_SERVICE = "google.cloud.aiplatform.ModelService"
_ALL = "/{version}/projects/{project}/locations/{location}/models"
_ONE = f"{_ALL}/{{model}}"
ROUTES: tuple[Route, ...] = (
    books("POST", f"{_ALL}:upload", f"{_SERVICE}.UploadModel", upload),
    books("GET", _ALL, f"{_SERVICE}.ListModels", list_),
    books("GET", _ONE, f"{_SERVICE}.GetModel", get),
    books("GET", f"{_ONE}:listVersions", f"{_SERVICE}.ListModelVersions", list_versions),
    books("PATCH", _ONE, f"{_SERVICE}.UpdateModel", update),
    books("POST", f"{_ONE}:mergeVersionAliases", f"{_SERVICE}.MergeVersionAliases", merge_aliases),
    books("DELETE", _ONE, f"{_SERVICE}.DeleteModel", delete),
    books("DELETE", f"{_ONE}:deleteVersion", f"{_SERVICE}.DeleteModelVersion", delete_version),
)
