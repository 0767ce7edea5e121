"""Requests and answers through Google's own message types.

The embedded service stores every Vertex resource as the JSON form of its v1beta1 message, which is a
superset of v1. A request is parsed strictly by the types of the version that it came in on; an answer is
rendered in the version that asked.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import Any

import google.cloud
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from vertex_emulator.wire.errors import invalid
from vertex_emulator.wire.names import snake_case
from vertex_emulator.wire.required import REQUIRED

Json = dict[str, Any]
_BUILT_IN = "google.protobuf."


class Version(StrEnum):
    """The two versions of the Vertex AI API."""

    V1 = "v1"
    V1BETA1 = "v1beta1"


MODULES = {
    "TuningJob": "tuning_job",
    "Endpoint": "endpoint",
    "DeployedModel": "endpoint",
    "Model": "model",
    "UploadModelRequest": "model_service",
    "MergeVersionAliasesRequest": "model_service",
    "RecommendSpecRequest": "model_service",
    "RecommendSpecResponse": "model_service",
    "DeployModelRequest": "endpoint_service",
    "UndeployModelRequest": "endpoint_service",
    "MutateDeployedModelRequest": "endpoint_service",
    "UpdateEndpointLongRunningRequest": "endpoint_service",
    "DeployRequest": "model_garden_service",
    "PredictRequest": "prediction_service",
    "Context": "context",
    "ListTensorboardRunsResponse": "tensorboard_service",
    "ListTensorboardTimeSeriesResponse": "tensorboard_service",
    "ReadTensorboardTimeSeriesDataResponse": "tensorboard_service",
    "BatchReadTensorboardTimeSeriesDataResponse": "tensorboard_service",
}
"""The messages that are read and written here, and the modules of Google's packages that hold them."""


@contextmanager
def _without_clients(package: str) -> Iterator[None]:
    """Let `package`'s submodules be imported without running its `__init__`.

    The `__init__` of Google's client packages imports every client and with them gRPC: 115 MB and more than
    a second that a server which only needs the messages would pay for nothing.
    """
    if package in sys.modules:
        yield
        return
    spec = importlib.machinery.PathFinder.find_spec(package, google.cloud.__path__)
    if spec is None:
        raise ImportError(f"{package} is not installed")
    sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[package]


@cache
def message_class(version: Version, name: str) -> type[Message]:
    """The protobuf class of a message, for example `(V1, "Endpoint")`."""
    package = f"google.cloud.aiplatform_{version}"
    with _without_clients(package):
        module = importlib.import_module(f"{package}.types.{MODULES[name]}")
    message: type[Message] = getattr(module, name).pb()
    return message


def load_messages() -> None:
    """Import every message type, so that the first request does not pay for it."""
    for version in Version:
        for name in MODULES:
            if version is Version.V1BETA1 or not name.startswith("RecommendSpec"):
                message_class(version, name)


def parse(version: Version, name: str, payload: object, *, partial: bool = False) -> Json:
    """Parse a request strictly and give it back in JSON form with enum names.

    `partial` is for updates: required fields may be missing.

    Raises:
        ApiError: INVALID_ARGUMENT for unknown fields, wrong types, two members of a oneof, enum numbers that
            do not exist and required fields that are missing.
    """
    if not isinstance(payload, dict):
        raise invalid("Invalid JSON payload received. The request body must be an object.")
    message = message_class(version, name)()
    try:
        json_format.ParseDict(payload, message)
    except (json_format.ParseError, TypeError, ValueError, RecursionError) as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    _check(message, "", {} if partial else REQUIRED)
    return json_format.MessageToDict(message)


def render(version: Version, name: str, body: Json) -> Json:
    """A stored v1beta1 resource as `version` shows it: fields that v1 does not have are left out."""
    if version is Version.V1BETA1:
        return body
    message = message_class(version, name)()
    json_format.ParseDict(body, message, ignore_unknown_fields=True)
    return json_format.MessageToDict(message)


def reader(version: Version, name: str, mask: str) -> Callable[[Json], Json]:
    """What a read mask leaves of a rendered resource. Raises INVALID_ARGUMENT for unknown fields."""
    if mask in {"", "*"}:
        return lambda body: body
    kind = message_class(version, name)
    paths = FieldMask(paths=[path.strip() for path in snake_case(mask).split(",")])
    if not paths.IsValidForDescriptor(kind.DESCRIPTOR):  # type: ignore[arg-type]
        raise invalid(f"Invalid readMask '{mask}': it names what is no field.")

    def read(body: Json) -> Json:
        source, target = kind(), kind()
        json_format.ParseDict(body, source)
        paths.MergeMessage(source, target)
        return json_format.MessageToDict(target)

    return read


def _check(message: Message, path: str, required: Mapping[str, tuple[str, ...]]) -> None:
    """Reject what ParseDict lets through: unknown enum numbers and missing required fields."""
    for name in required.get(message.DESCRIPTOR.name, ()):
        if all(field.name != name for field, _ in message.ListFields()):
            raise invalid(f"Required field is not set: {path}{name}")
    for field, value in message.ListFields():
        where = f"{path}{field.name}"
        if field.enum_type is not None:
            _check_enum(field.enum_type, value, where)
        elif field.message_type is not None and not field.message_type.full_name.startswith(_BUILT_IN):
            for item in _messages(field.message_type, value):
                _check(item, f"{where}.", required)


def _check_enum(kind: EnumDescriptor, value: Any, where: str) -> None:
    for number in [value] if isinstance(value, int) else value:
        if number not in kind.values_by_number:
            raise invalid(f"Invalid value at '{where}' ({kind.full_name}), {number}")


def _messages(kind: Descriptor, value: Any) -> list[Any]:
    if kind.GetOptions().map_entry:
        return list(value.values()) if kind.fields_by_name["value"].message_type is not None else []
    return [value] if isinstance(value, Message) else list(value)
