"""Everything that is served: the one table of routes, and the operations behind them."""

from vertex_emulator.api import (
    admin,
    billing,
    billing_catalog,
    deployments,
    endpoints,
    garden,
    models,
    operations,
    predict,
    quota_preferences,
    quotas,
    resource_manager,
    service_usage,
    storage,
    tensorboards,
    tuning_jobs,
    workload_identity,
)
from vertex_emulator.api.routing import Call, Json, Route, Table, books

METHODS = {**endpoints.METHODS, **deployments.METHODS, **models.METHODS, **garden.METHODS}
"""Methods that answer with an operation, by name."""


def listed(_: Call) -> Json:
    """What is served: each route's HTTP method, template and Google's name for it."""
    return {"routes": [_shown(route) for route in TABLE.routes]}


def _shown(route: Route) -> Json:
    return {"method": route.method, "template": route.template, "google": route.google}


TABLE = Table(
    (
        *tuning_jobs.ROUTES,
        *tensorboards.ROUTES,
        *models.ROUTES,
        *endpoints.ROUTES,
        *deployments.ROUTES,
        *garden.ROUTES,
        *predict.ROUTES,
        *operations.ROUTES,
        *storage.ROUTES,
        *service_usage.ROUTES,
        *billing.ROUTES,
        *billing_catalog.ROUTES,
        *quotas.ROUTES,
        *quota_preferences.ROUTES,
        *resource_manager.ROUTES,
        *workload_identity.ROUTES,
        *admin.ROUTES,
        books("GET", "/emulator/routes", admin.OWN, listed),
        *storage.XML_ROUTES,
    )
)
