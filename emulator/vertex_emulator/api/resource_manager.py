"""Cloud Resource Manager: a project's id and number, which provisioning tools look up first."""

from vertex_emulator.api.common import Json
from vertex_emulator.api.routing import Call, Route, books


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


ROUTES: tuple[Route, ...] = (
    books("GET", "/v1/projects/{project=*}", "cloudresourcemanager.v1.projects.get", get_v1),
    books("GET", "/v3/projects/{project=*}", "google.cloud.resourcemanager.v3.Projects.GetProject", get_v3),
)
