"""Quotas: what a project has now, out of its settings and of the requests that were granted since."""

from typing import Any

from vertex_emulator.service import Service
from vertex_emulator.store.projects import Project
from vertex_emulator.store.resources import Kind

Json = dict[str, Any]

TUNING_QUOTA = "GlobalConcurrentManagedOssModelFineTuningJobsPerProject"
TUNING_METRIC = "aiplatform.googleapis.com/global_concurrent_managed_oss_model_fine_tuning_jobs"
L4_QUOTA = "CustomModelServingL4GPUsPerProjectPerRegion"


def tuning_quota(service: Service, project: Project) -> int:
    """Tuning jobs that may run at once in a project, over all regions."""
    granted = _granted(service, project, TUNING_QUOTA, None)
    return project.settings.tuning_quota if granted is None else granted


def l4_quota(service: Service, project: Project, region: str) -> int:
    """L4 accelerators that deployed models may hold in a region."""
    granted = _granted(service, project, L4_QUOTA, region)
    return project.settings.l4_per_region if granted is None else granted


def _granted(service: Service, project: Project, quota: str, region: str | None) -> int | None:
    """What the newest request has been granted, or what was there before it while it is looked at."""
    parent = project.location("global")
    for record in service.store.resources.children(Kind.QUOTA_PREFERENCE, parent):
        wanted_region = record.body.get("dimensions", {}).get("region")
        applies = record.body["quotaId"] == quota and wanted_region in {None, region}
        if applies:
            settled = record.private["settles"] <= service.now()
            granted: int = record.private["granted" if settled else "before"]
            return granted
    return None
