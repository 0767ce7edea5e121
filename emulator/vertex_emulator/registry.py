"""The model registry: versions, aliases, references."""

from typing import Any

from vertex_emulator.service import Service
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.wire.errors import invalid, not_found
from vertex_emulator.wire.times import etag, rfc3339

Json = dict[str, Any]
DEFAULT = "default"
_INPUTS = (
    "displayName", "description", "versionDescription", "versionAliases", "predictSchemata",
    "metadataSchemaUri", "metadata", "containerSpec", "artifactUri", "explanationSpec", "labels",
    "encryptionSpec", "baseModelSource", "modelSourceInfo",
)  # fmt: skip


def new_version(name: str, number: int, given: Json, now: float) -> Json:
    """A model version as it is stored. `name` is the model's, without a version."""
    stamp = rfc3339(now)
    aliases = list(given.get("versionAliases", []))
    if number == 1 and DEFAULT not in aliases:
        aliases.append(DEFAULT)
    return {
        **{key: given[key] for key in _INPUTS if key in given},
        "name": name,
        "versionId": str(number),
        "versionAliases": aliases,
        "createTime": stamp,
        "updateTime": stamp,
        "versionCreateTime": stamp,
        "versionUpdateTime": stamp,
        "etag": etag(now),
        # Without this the SDK's Model.deploy silently leaves out the machines that it was given.
        "supportedDeploymentResourcesTypes": ["DEDICATED_RESOURCES"],
    }


def add_version(service: Service, parent: str, name: str, given: Json, now: float) -> Record:
    """Add the next version of a model, or its first; it takes its aliases from the other versions."""
    versions = versions_of(service, parent, name)
    number = max((int(record.body["versionId"]) for record in versions), default=0) + 1
    body = new_version(name, number, given, now)
    for record in versions:
        take_aliases(service, record, set(body["versionAliases"]))
    if versions:
        body["createTime"] = versions[-1].body["createTime"]
    return service.store.resources.insert(Kind.MODEL_VERSION, parent, f"{name}@{number}", body, now=now)


def take_aliases(service: Service, record: Record, taken: set[str]) -> None:
    """Remove aliases from the version that has them."""
    left = [alias for alias in record.body["versionAliases"] if alias not in taken]
    if left != record.body["versionAliases"]:
        record.body["versionAliases"] = left
        service.store.resources.save(record)


def versions_of(service: Service, parent: str, name: str) -> list[Record]:
    """All versions of a model, newest first."""
    everything = service.store.resources.children(Kind.MODEL_VERSION, parent)
    return [record for record in everything if record.body["name"] == name]


def known(service: Service, parent: str, name: str) -> bool:
    """Whether there is a resource of that name in a location; a model's is without its version."""
    return service.store.resources.find(name) is not None or bool(versions_of(service, parent, name))


def resolve(service: Service, reference: str) -> Record:
    """The version that `projects/P/locations/L/models/ID[@version or alias]` means.

    Raises:
        ApiError: INVALID_ARGUMENT when it is no model's name, NOT_FOUND when there is none.
    """
    parts = reference.split("/")
    if len(parts) != 6 or parts[0::2] != ["projects", "locations", "models"]:
        raise invalid(f"Invalid model name '{reference}'.")
    parent = service.store.projects.get(parts[1]).location(parts[3])
    model_id, _, version = parts[5].partition("@")
    name = f"{parent}/models/{model_id}"
    direct = service.store.resources.find(f"{name}@{version}") if version.isdigit() else None
    if direct is not None:
        return direct
    for record in versions_of(service, parent, name):
        if (version or DEFAULT) in record.body["versionAliases"]:
            return record
    raise not_found(f"{name}@{version}" if version else name)


def shown(service: Service, record: Record) -> Json:
    """A model version with where it is deployed, which is kept with the endpoints."""
    deployed = [
        {"endpoint": endpoint, "deployedModelId": deployed_id}
        for endpoint, deployed_id in endpoints_with(service, record.parent, record.name)
    ]
    return {**record.body, **({"deployedModels": deployed} if deployed else {})}


def endpoints_with(service: Service, parent: str, model_version: str) -> list[tuple[str, str]]:
    """(endpoint's name, deployed model's id) wherever a model version `…/models/ID@N` is deployed."""
    model, _, version = model_version.partition("@")
    return [
        (record.name, deployed["id"])
        for record in service.store.resources.children(Kind.ENDPOINT, parent)
        for deployed in record.body.get("deployedModels", [])
        if deployed["model"].partition("@")[0] == model
        and (not version or deployed.get("modelVersionId") == version)
    ]
