"""google.longrunning.Operations, with the nested names that Vertex AI gives its operations."""

import asyncio
import re

from starlette.responses import JSONResponse, Response

from vertex_emulator.api.common import Json, scope
from vertex_emulator.api.routing import Call, Route, books, streams
from vertex_emulator.jobs import operations
from vertex_emulator.registry import known
from vertex_emulator.store.operations import Operation
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import invalid, not_found, precondition, unimplemented

_NEWEST = 10**18
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_LONGEST_WAIT_S = 60.0
_LOOK_EVERY_S = 0.05


def get(call: Call) -> Json:
    """One operation."""
    return _shown(call, _named(call))


def _shown(call: Call, operation: Operation) -> Json:
    published = scope(call).project.settings.published_metadata
    at = call.params.get("version", operations.UI)
    return operations.shown(call.service.methods, operation, at=at, published=published)


def list_(call: Call) -> Json:
    """The operations of a location or a resource, newest first; of a resource that is not there, 404."""
    arguments = call.arguments("pageSize", "pageToken", "filter", "returnPartialSuccess")
    if arguments.get("filter"):
        raise unimplemented("A filter of ListOperations")
    size = pages.page_size(arguments.get("pageSize"))
    resource = call.params.get("resource", "")
    parent = f"{scope(call).parent}{resource}"
    if resource and not known(call.service, scope(call).parent, parent):
        raise not_found(parent)
    found = call.service.store.operations.below(parent, _before(arguments.get("pageToken")), size + 1)
    return pages.first(
        size, "operations", found, show=lambda item: _shown(call, item[1]), place=lambda item: str(item[0])
    )


def _before(token: str | None) -> int:
    """The number of the last shown operation, after which the list continues."""
    shown = pages.after(token)
    if shown is None:
        return _NEWEST
    if not _NUMBER.fullmatch(shown):
        raise invalid("Invalid page token.")
    return int(shown)


def cancel(call: Call) -> Json:
    """Stop an operation before its next step."""
    operations.cancel(call.service, _named(call))
    return {}


def delete(call: Call) -> Json:
    """Forget an operation that is done."""
    operation = _named(call)
    if not operation.done:
        raise precondition(f"{operation.name} is not done.")
    call.service.store.operations.delete(operation.name)
    return {}


async def wait(call: Call) -> Response:
    """Answer when the operation is done or the time is over, whichever comes first."""
    timeout = call.query.get("timeout") or (call.payload or {}).get("timeout") or "30s"
    try:
        remaining = min(float(str(timeout).removesuffix("s")), _LONGEST_WAIT_S)
    except ValueError:
        raise invalid(f"Invalid timeout '{timeout}'.") from None
    while remaining > 0 and not _named(call).done:
        await asyncio.sleep(_LOOK_EVERY_S)
        remaining -= _LOOK_EVERY_S
    return JSONResponse(get(call))


def _named(call: Call) -> Operation:
    name = f"{scope(call).parent}{call.params.get('resource', '')}/operations/{call.params['operation']}"
    return call.service.store.operations.get(name)


_SERVICE = "google.longrunning.Operations"
_PLACES = (
    "projects/{project}/locations/{location}",
    "projects/{project}/locations/{location}{resource=**}",
)


def _routes(prefix: str) -> tuple[Route, ...]:
    found: list[Route] = []
    for place in _PLACES:
        base = f"/{prefix}/{place}/operations"
        found += [
            books("GET", f"{base}/{{operation}}", f"{_SERVICE}.GetOperation", get),
            books("GET", base, f"{_SERVICE}.ListOperations", list_),
            books("POST", f"{base}/{{operation}}:cancel", f"{_SERVICE}.CancelOperation", cancel),
            books("DELETE", f"{base}/{{operation}}", f"{_SERVICE}.DeleteOperation", delete),
            streams("POST", f"{base}/{{operation}}:wait", f"{_SERVICE}.WaitOperation", wait, body=True),
        ]
    return tuple(found)


ROUTES = (*_routes("{version}"), *_routes("ui"))
