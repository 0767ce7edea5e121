"""Service Usage v1: which APIs a project has enabled."""

import msgspec
from starlette.datastructures import QueryParams

from vertex_emulator.api.common import Json, project_of
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.store.projects import (
    BILLING_API,
    QUOTAS_API,
    STORAGE_API,
    USAGE_API,
    VERTEX_API,
    Project,
)
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import invalid, not_found, unimplemented

KNOWN = {
    VERTEX_API: "Vertex AI API",
    STORAGE_API: "Cloud Storage API",
    BILLING_API: "Cloud Billing API",
    QUOTAS_API: "Cloud Quotas API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    USAGE_API: "Service Usage API",
    "workloadidentity.googleapis.com": "Workload Identity API",
}
_AGENTS = {VERTEX_API: "gcp-sa-aiplatform"}
"""Service → the domain of the service agents that it has in projects."""


def _shown(project: Project, service: str) -> Json:
    return {
        "name": f"projects/{project.number}/services/{service}",
        "parent": f"projects/{project.number}",
        "config": {"name": service, "title": KNOWN[service]},
        "state": "ENABLED" if service in project.settings.services else "DISABLED",
    }


def _known(service: str) -> str:
    if service not in KNOWN:
        raise not_found(f"Service '{service}'")
    return service


def _project(call: Call) -> Project:
    return call.service.store.projects.get(call.params["project"])


def get(call: Call) -> Json:
    """One service."""
    return _shown(project_of(call, USAGE_API), _known(call.params["service"]))


def list_(call: Call) -> Json:
    """The services of a project; `filter` may ask for state:ENABLED or state:DISABLED."""
    project = project_of(call, USAGE_API)
    wanted = call.query.get("filter", "")
    if wanted not in {"", "state:ENABLED", "state:DISABLED"}:
        raise invalid(f"Invalid filter '{wanted}'.")
    state = wanted.removeprefix("state:")
    everything = [_shown(project, service) for service in sorted(KNOWN)]
    found = [item for item in everything if not state or item["state"] == state]
    return pages.page(call.query, "services", found)


def batch_get(call: Call) -> Json:
    """Several services by name."""
    project = project_of(call, USAGE_API)
    names = QueryParams(call.request.url.query).getlist("names")
    if not names:
        raise invalid("Required field is not set: names")
    return {"services": [_shown(project, _known(name.rpartition("/")[2])) for name in names]}


def _set(call: Call, services: tuple[str, ...]) -> Project:
    project = _project(call)
    settings = msgspec.structs.replace(project.settings, services=tuple(sorted(set(services))))
    return call.service.store.projects.put(project.id, settings)


def _done(message: str, response: Json) -> Json:
    kind = f"type.googleapis.com/google.api.serviceusage.v1.{message}"
    return {"name": "operations/noop.DONE_OPERATION", "done": True, "response": {"@type": kind, **response}}


def enable(call: Call) -> Json:
    """Enable a service; done at once."""
    service = _known(call.params["service"])
    project = _set(call, (*_project(call).settings.services, service))
    return _done("EnableServiceResponse", {"service": _shown(project, service)})


def batch_enable(call: Call) -> Json:
    """Enable several services; done at once."""
    ids = (call.payload or {}).get("serviceIds")
    if not isinstance(ids, list) or not ids:
        raise invalid("Required field is not set: service_ids")
    names = tuple(_known(str(name)) for name in ids)
    project = _set(call, (*_project(call).settings.services, *names))
    return _done("BatchEnableServicesResponse", {"services": [_shown(project, name) for name in names]})


def disable(call: Call) -> Json:
    """Disable a service; done at once."""
    service = _known(call.params["service"])
    left = tuple(name for name in _project(call).settings.services if name != service)
    return _done("DisableServiceResponse", {"service": _shown(_set(call, left), service)})


def generate_identity(call: Call) -> Json:
    """Make a service's agent in a project, if it is not there, and say how it is called; done at once."""
    service, project = _known(call.params["service"]), _project(call)
    if service not in _AGENTS:
        raise unimplemented(f"{_IDENTITY} of {service}")
    return {
        "name": "operations/finished.DONE_OPERATION",
        "done": True,
        "response": {
            "@type": "type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity",
            "email": f"service-{project.number}@{_AGENTS[service]}.iam.gserviceaccount.com",
            "uniqueId": f"1{project.number:020d}",
        },
    }


_IDENTITY = "google.api.serviceusage.v1beta1.ServiceUsage.GenerateServiceIdentity"
_SERVICE = "google.api.serviceusage.v1.ServiceUsage"
_ALL = "/v1/projects/{project=*}/services"
_ONE = f"{_ALL}/{{service}}"
ROUTES: tuple[Route, ...] = (
    books("GET", f"{_ALL}:batchGet", f"{_SERVICE}.BatchGetServices", batch_get),
    books("POST", f"{_ALL}:batchEnable", f"{_SERVICE}.BatchEnableServices", batch_enable),
    books("GET", _ALL, f"{_SERVICE}.ListServices", list_),
    books("GET", _ONE, f"{_SERVICE}.GetService", get),
    books("POST", f"{_ONE}:enable", f"{_SERVICE}.EnableService", enable),
    books("POST", f"{_ONE}:disable", f"{_SERVICE}.DisableService", disable),
    books(
        "POST",
        "/v1beta1/projects/{project=*}/services/{service}:generateServiceIdentity",
        _IDENTITY,
        generate_identity,
    ),
)
