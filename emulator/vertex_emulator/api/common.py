"""Shared by the handlers of Vertex resources: scopes, etags, update masks."""

import re
from typing import Any, NamedTuple

from vertex_emulator.api.routing import Call
from vertex_emulator.catalog import GLOBAL
from vertex_emulator.store.projects import VERTEX_API, Project
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.wire.errors import ApiError, invalid
from vertex_emulator.wire.names import camel_case

Json = dict[str, Any]
_LOCATION = re.compile(r"[a-z]+(?:-[a-z]+)+[0-9]{1,2}")


class Scope(NamedTuple):
    """The project and location of a call; `parent` is their resource name with the project's number."""

    project: Project
    location: str
    parent: str


def scope(call: Call, *, at_global: bool = False) -> Scope:
    """The scope of a call on a Vertex resource; ``at_global`` if the kind also exists at `global`.

    Raises:
        ApiError: PERMISSION_DENIED when the project has no billing or the API is not enabled,
            INVALID_ARGUMENT for a location that cannot be a region, RESOURCE_EXHAUSTED when the project's
            requests of this minute are used up.
    """
    project = call.service.store.projects.get(call.params["project"])
    require_service(project, VERTEX_API)
    location = call.params["location"]
    if not (_LOCATION.fullmatch(location) or (at_global and location == GLOBAL)):
        raise invalid(f"Unsupported region for Vertex AI: '{location}'.")
    call.service.rate.count(project, location, call.service.now())
    return Scope(project, location, project.location(location))


def project_of(call: Call, service: str) -> Project:
    """The project of a call to one of Vertex AI's sister services.

    Raises:
        ApiError: PERMISSION_DENIED when the API is off, or when a user's own credentials come without a
            project whose quota the call counts against.
    """
    project = call.service.store.projects.get(call.params["project"])
    if project.settings.user_credentials and not call.request.headers.get("x-goog-user-project"):
        raise ApiError(
            7,
            "Your application is authenticating by using local Application Default Credentials. The "
            f"{service} API requires a quota project, which is not set by default. To learn how to set "
            "your quota project, see "
            "https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds .",
            reason="SERVICE_DISABLED",
            metadata={"service": service},
        )
    _require_enabled(project, service)
    return project


def _require_enabled(project: Project, service: str) -> None:
    if service not in project.settings.services:
        raise ApiError(
            7,
            f"{service} has not been used in project {project.number} before or it is disabled. Enable it, "
            "then retry.",
            reason="SERVICE_DISABLED",
            metadata={"consumer": f"projects/{project.number}", "service": service},
        )


def require_service(project: Project, service: str) -> None:
    """Refuse work in a project where the API is disabled or billing is off."""
    _require_enabled(project, service)
    info = {"consumer": f"projects/{project.number}", "service": service}
    if not project.settings.billing_enabled:
        raise ApiError(
            7,
            f"This API method requires billing to be enabled. Please enable billing on project "
            f"#{project.number}, then retry.",
            reason="BILLING_DISABLED",
            metadata=info,
        )


def name_in(where: Scope, collection: Kind, resource_id: str) -> str:
    """The full name of a resource in a scope."""
    return f"{where.parent}/{collection.value}/{resource_id}"


def check_etag(given: Json, record: Record) -> None:
    """Refuse an update with an etag that is not current."""
    if given.get("etag") and given["etag"] != record.body.get("etag"):
        raise ApiError(10, f"{record.name} has changed: its etag is {record.body.get('etag')}.")


def mask_fields(mask: str, allowed: frozenset[str]) -> set[str]:
    """The top-level fields that an update mask names, in camel case.

    Raises INVALID_ARGUMENT when the mask is empty or names what cannot be updated.
    """
    named = set()
    for path in filter(None, (part.strip() for part in mask.split(","))):
        camel = camel_case(path)
        if camel not in allowed:
            raise invalid(f"Invalid update mask: '{path}' cannot be updated.")
        named.add(camel)
    if not named:
        raise invalid("Required field is not set: update_mask")
    return named
