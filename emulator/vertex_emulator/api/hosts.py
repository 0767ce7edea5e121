"""Hosts of endpoints: a dedicated endpoint has its own, all others share the region's.

The second listener serves the DNS names of all dedicated endpoints; the path distinguishes them.
"""

from collections.abc import Iterable

from vertex_emulator.api.common import scope
from vertex_emulator.api.endpoints import named
from vertex_emulator.api.routing import Call, Route
from vertex_emulator.store.resources import Record
from vertex_emulator.wire.errors import invalid, not_found, precondition

_PREDICTION = "google.cloud.aiplatform.PredictionService."
_SHARED_BYTES = 1_500_000
_DEDICATED_BYTES = 10_000_000
_DEDICATED_S = 3600.0


def check_dedicated(route: Route, method: str, path: str, query: Iterable[str]) -> None:
    """Refuse other methods and query parameters at the host of a dedicated endpoint.

    Raises:
        ApiError: NOT_FOUND, or INVALID_ARGUMENT for a parameter.
    """
    if not route.google.startswith(_PREDICTION):
        raise not_found(f"{method} {path}")
    for name in query:
        version, request = path.split("/")[1], f"{route.google.removeprefix(_PREDICTION)}Request"
        escaped = name.replace("$", "%24")
        raise invalid(
            f'Could not find field "{escaped}" in the type "google.cloud.aiplatform.{version}.{request}".'
        )


def asked_endpoint(call: Call) -> Record:
    """The endpoint that a prediction is for.

    Raises:
        ApiError: NOT_FOUND when this host does not serve it, FAILED_PRECONDITION when another does or the
            request is too large.
    """
    record = named(call)
    dedicated = bool(record.body.get("dedicatedEndpointEnabled"))
    if call.dedicated and not dedicated:
        raise not_found(record.name)
    if "privateServiceConnectConfig" in record.body:
        raise precondition(f"{record.name} can be accessed through private service connect only.")
    if dedicated and not call.dedicated:
        raise precondition(
            "Dedicated Endpoint cannot be accessed through the shared Vertex AI domain "
            "aiplatform.googleapis.com. Please access the endpoint using its dedicated dns name "
            f"'{call.service.settings.dedicated}'"
        )
    most = _DEDICATED_BYTES if dedicated else _SHARED_BYTES
    if call.size > most:
        raise precondition(f"The request size ({call.size} bytes) exceeds {most / 1e6:.3f}MB limit.")
    return record


def longest_answer(call: Call, record: Record | None) -> float:
    """Seconds that a request to an endpoint may take; None stands for the managed models' shared one."""
    if record is not None and record.body.get("dedicatedEndpointEnabled"):
        return _DEDICATED_S
    return scope(call).project.settings.shared_seconds
