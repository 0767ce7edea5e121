"""Cloud Billing v1: whether a project has someone who pays."""

from vertex_emulator.api.common import Json
from vertex_emulator.api.routing import Call, Route, books

_ACCOUNT = "billingAccounts/000000-000000-000000"


def get(call: Call) -> Json:
    """A project's billing."""
    project = call.service.store.projects.get(call.params["project"])
    enabled = project.settings.billing_enabled
    return {
        "name": f"projects/{project.id}/billingInfo",
        "projectId": project.id,
        "billingAccountName": _ACCOUNT if enabled else "",
        "billingEnabled": enabled,
    }


ROUTES: tuple[Route, ...] = (
    books(
        "GET",
        "/v1/projects/{project=*}/billingInfo",
        "google.cloud.billing.v1.CloudBilling.GetProjectBillingInfo",
        get,
    ),
)
