"""Workload Identity v1: makes the agents that a service acts as in a project."""

from vertex_emulator.api.common import Json
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.store.projects import VERTEX_API
from vertex_emulator.wire.errors import unimplemented

_AGENTS = {
    "gcp-sa-aiplatform": "roles/aiplatform.serviceAgent",
    "gcp-sa-vertex-moss-ft": "roles/aiplatform.tuningServiceAgent",
}
"""Domains of the agents of Vertex AI that the tuning of open models uses, and the roles they want."""
_METHOD = "google.cloud.workloadidentity.v1.WorkloadIdentity.GenerateServiceAgents"


def generate(call: Call) -> Json:
    """Make a service's agents, if they are not there, and say who they are; done at once.

    Like the real one it grants them nothing.
    """
    service, project = call.params["service"], call.service.store.projects.get(call.params["project"])
    if service != VERTEX_API:
        raise unimplemented(f"{_METHOD} of {service}")
    container = f"projects/{project.number}"
    agents = [
        {
            "container": container,
            "serviceProducer": service,
            "principal": f"serviceAccount:service-{project.number}@{domain}.iam.gserviceaccount.com",
            "role": role,
            "state": "ACTIVE",
        }
        for domain, role in _AGENTS.items()
    ]
    kind = "type.googleapis.com/google.cloud.workloadidentity.v1.GenerateServiceAgentsResponse"
    return {
        "name": f"{container}/locations/global/operations/finished",
        "done": True,
        "response": {"@type": kind, "serviceAgents": agents},
    }


ROUTES: tuple[Route, ...] = (
    books(
        "POST",
        "/v1/projects/{project=*}/locations/global/serviceProducers/{service}:generateServiceAgents",
        _METHOD,
        generate,
    ),
)
