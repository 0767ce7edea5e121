"""Long-running operations as lists of steps.

A step is one transaction. Which step comes next is in the store, so an operation goes on after a restart, and
one that fails half-way leaves what its earlier steps did, as it does at Google.
"""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from vertex_emulator.service import Method, Service
from vertex_emulator.settings import Speed
from vertex_emulator.store.operations import Operation, OperationFault
from vertex_emulator.wire.errors import STATUS_OF_CODE, ApiError
from vertex_emulator.wire.proto import Version, render
from vertex_emulator.wire.times import rfc3339

Json = dict[str, Any]
_LOG = logging.getLogger(__name__)


def new_id() -> str:
    """A number of 19 digits, as Vertex AI gives them."""
    return str(10**18 + secrets.randbelow(9 * 10**18))


def begin(
    service: Service,
    *,
    method: str,
    version: Version,
    parent: str,
    payload: Json,
    reserve: tuple[str, ...] = (),
    fault: OperationFault | None = None,
) -> Json:
    """Start an operation under `parent` and give it as the answer shows it.

    `reserve` are names of resources that it is going to create; others cannot until it is done.
    """
    now = service.now()
    steps = service.methods[method].steps
    operation = Operation(
        name=f"{parent}/operations/{new_id()}",
        method=method,
        version=version,
        payload=payload,
        created=now,
        updated=now,
        due=now + steps[0].delay(service.settings.speed),
        fault=fault,
    )
    for name in reserve:
        service.store.operations.reserve(name, operation.name)
    service.store.operations.insert(operation)
    if service.settings.speed is Speed.INSTANT:
        while not operation.done:
            advance(service, operation)
    service.wake()
    return shown(service.methods, operation)


def advance(service: Service, operation: Operation) -> None:
    """Take the next step of an operation and write down how that went."""
    method = service.methods[operation.method]
    now = service.now()
    operation.updated = now
    try:
        _fail_on_purpose(operation)
        with service.store.database.transaction():
            method.steps[operation.step].effect(service, operation)
        operation.step += 1
        if operation.step == len(method.steps):
            _fail_on_purpose(operation)
            operation.response = method.respond(service, operation)
    except ApiError as error:
        operation.error = error.rpc_status()
    except Exception:  # noqa: BLE001 - an operation must end, whatever happened to it
        _LOG.exception("The operation %s failed in the emulator itself", operation.name)
        operation.error = {"code": 13, "message": "Internal error of the embedded Vertex AI."}
    if not operation.done:
        upcoming = method.steps[min(operation.step, len(method.steps) - 1)]
        operation.due = now + upcoming.delay(service.settings.speed)
    service.store.operations.save(operation)


def _fail_on_purpose(operation: Operation) -> None:
    fault = operation.fault
    if fault is not None and operation.step >= fault.after_steps:
        raise ApiError(fault.code if fault.code in STATUS_OF_CODE else 13, fault.message)


def cancel(service: Service, operation: Operation) -> None:
    """Stop an operation before its next step; one that is done stays as it is."""
    if not operation.done:
        operation.error = {"code": 1, "message": "The operation was cancelled."}
        operation.updated = service.now()
        service.store.operations.save(operation)


UI = "ui"
"""The API version of the path at which Google's clients poll, and of the metadata's types there."""
UNPUBLISHED = {"progressDetails": {"stage": "UNPUBLISHED"}}
"""Metadata that no published type has: the real service has some, and clients must not break on them."""


def shown(
    methods: Mapping[str, Method], operation: Operation, *, at: str | None = None, published: bool = False
) -> Json:
    """An operation as google.longrunning.Operation in JSON.

    Its metadata are of the API version that is asked, `at`, else of the one that began it. With `published`
    they are only what Google's Python packages know.
    """
    method = methods[operation.method]
    generic = {"createTime": rfc3339(operation.created), "updateTime": rfc3339(operation.updated)}
    version = at if at == UI and not published else operation.version
    answer: Json = {
        "name": operation.name,
        "metadata": {
            "@type": _type(version, method.metadata),
            "genericMetadata": generic,
            **method.describe(operation),
            **({} if published else UNPUBLISHED),
        },
    }
    if operation.error is not None:
        return {**answer, "done": True, "error": operation.error}
    if operation.response is None:
        return answer
    if method.response is None:
        return {**answer, "done": True, "response": {"@type": "type.googleapis.com/google.protobuf.Empty"}}
    body = operation.response
    if method.response in {"Endpoint", "Model"}:
        body = render(operation.version, method.response, body)
    return {**answer, "done": True, "response": {"@type": _type(operation.version, method.response), **body}}


def _type(version: str, message: str) -> str:
    return f"type.googleapis.com/google.cloud.aiplatform.{version}.{message}"
