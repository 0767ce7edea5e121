"""Cloud Billing v1: whether a project has a billing account."""

from vertex_emulator.api.common import Json, project_of
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.store.projects import BILLING_API

_ACCOUNT = "billingAccounts/000000-000000-000000"


def get(call: Call) -> Json:
    """A project's billing."""
    project = project_of(call, BILLING_API)
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
