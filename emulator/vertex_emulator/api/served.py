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
    storage_batch,
    storage_buckets,
    storage_copies,
    storage_iam,
    storage_objects,
    storage_parts,
    storage_uploads,
    tensorboards,
    tuning_jobs,
    workload_identity,
)
from vertex_emulator.api.routing import Table

METHODS = {**endpoints.METHODS, **deployments.METHODS, **models.METHODS, **garden.METHODS}
"""Methods that answer with an operation, by name."""

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
        *storage_buckets.ROUTES,
        *storage_iam.ROUTES,
        *storage_objects.ROUTES,
        *storage_copies.ROUTES,
        *storage_uploads.ROUTES,
        *storage_batch.ROUTES,
        *service_usage.ROUTES,
        *billing.ROUTES,
        *billing_catalog.ROUTES,
        *quotas.ROUTES,
        *quota_preferences.ROUTES,
        *resource_manager.ROUTES,
        *workload_identity.ROUTES,
        *admin.ROUTES,
        *storage_parts.ROUTES,
    )
)
