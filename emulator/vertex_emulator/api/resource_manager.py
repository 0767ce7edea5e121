"""Cloud Resource Manager: a project's id and number, which provisioning tools look up first."""

import hashlib

import msgspec

from vertex_emulator.api.common import Json
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.store.projects import Project
from vertex_emulator.wire.errors import ApiError, invalid


def get_v1(call: Call) -> Json:
    """A project as version 1 shows it."""
    project = call.service.store.projects.get(call.params["project"])
    return {
        "projectId": project.id,
        "projectNumber": str(project.number),
        "name": project.id,
        "lifecycleState": "ACTIVE",
    }


def get_v3(call: Call) -> Json:
    """A project as version 3 shows it."""
    project = call.service.store.projects.get(call.params["project"])
    return {
        "name": f"projects/{project.number}",
        "projectId": project.id,
        "displayName": project.id,
        "state": "ACTIVE",
    }


def get_policy(call: Call) -> Json:
    """Who may do what in a project."""
    return _policy(call.service.store.projects.get(call.params["project"]))


def set_policy(call: Call) -> Json:
    """Replace it, unless it has changed since the client read it."""
    projects = call.service.store.projects
    project, given = projects.get(call.params["project"]), (call.payload or {}).get("policy")
    try:
        asked = msgspec.convert(given, _Policy)
    except msgspec.ValidationError as error:
        raise invalid(f"policy: {error}") from None
    if asked.etag and asked.etag != _policy(project)["etag"]:
        raise ApiError(10, "There were concurrent policy changes. Please retry the whole read-modify-write.")
    iam = {binding.role: binding.members for binding in asked.bindings if binding.members}
    return _policy(projects.put(project.id, msgspec.structs.replace(project.settings, iam=iam)))


class _Binding(msgspec.Struct, frozen=True):
    role: str
    members: tuple[str, ...] = ()


class _Policy(msgspec.Struct, frozen=True):
    bindings: tuple[_Binding, ...] = ()
    etag: str = ""


def _policy(project: Project) -> Json:
    bindings = [{"role": role, "members": list(who)} for role, who in sorted(project.settings.iam.items())]
    etag = hashlib.sha256(msgspec.json.encode(bindings)).hexdigest()[:12]
    return {"version": 1, "etag": etag, "bindings": bindings}


_POLICY = "/v1/projects/{project=*}"
ROUTES: tuple[Route, ...] = (
    books("GET", "/v1/projects/{project=*}", "cloudresourcemanager.v1.projects.get", get_v1),
    books("POST", f"{_POLICY}:getIamPolicy", "cloudresourcemanager.v1.projects.getIamPolicy", get_policy),
    books("POST", f"{_POLICY}:setIamPolicy", "cloudresourcemanager.v1.projects.setIamPolicy", set_policy),
    books("GET", "/v3/projects/{project=*}", "google.cloud.resourcemanager.v3.Projects.GetProject", get_v3),
)
