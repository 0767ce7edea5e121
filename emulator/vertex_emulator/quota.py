"""Quotas of a project: its settings, and requests granted since."""

from typing import Any, NamedTuple

from vertex_emulator.machine_types import ACCELERATORS, BY_TYPE, L4
from vertex_emulator.service import Service
from vertex_emulator.store.projects import Project
from vertex_emulator.store.resources import Kind

Json = dict[str, Any]

TUNING_QUOTA = "GlobalConcurrentManagedOssModelTuningJobs"
TUNING_METRIC = "aiplatform.googleapis.com/global_concurrent_managed_oss_model_tuning_jobs"


class ServingQuota(NamedTuple):
    """Accelerators that deployed models may hold in a region, those of preemptible machines apart."""

    accelerator: str
    preemptible: bool

    @property
    def id(self) -> str:
        """Google's id of the quota."""
        kind = "Preemptible" if self.preemptible else ""
        return f"CustomModelServing{kind}{BY_TYPE[self.accelerator].quota}GPUsPerProjectPerRegion"

    @property
    def metric(self) -> str:
        """Google's name of what is counted."""
        kind = "preemptible_" if self.preemptible else ""
        name = f"custom_model_serving_{kind}nvidia_{BY_TYPE[self.accelerator].metric}_gpus"
        return f"aiplatform.googleapis.com/{name}"


SERVING_QUOTAS = {
    quota.id: quota
    for quota in (
        ServingQuota(accelerator.type, preemptible)
        for accelerator in ACCELERATORS
        for preemptible in (False, True)
        if accelerator.quota
    )
}


def tuning_quota(service: Service, project: Project) -> int:
    """Tuning jobs that may run at once in a project, over all regions."""
    granted = _granted(service, project, TUNING_QUOTA, None)
    return project.settings.tuning_quota if granted is None else granted


def serving_quota(service: Service, project: Project, quota: ServingQuota, region: str) -> int:
    """Accelerators that deployed models may hold in a region."""
    granted = _granted(service, project, quota.id, region)
    if granted is not None:
        return granted
    settings = project.settings
    usual = settings.l4_per_region if quota == ServingQuota(L4, preemptible=False) else 16
    return settings.serving_quotas.get(quota.id, usual)


def _granted(service: Service, project: Project, quota: str, region: str | None) -> int | None:
    """The newest request's grant, or the earlier quota while it is pending."""
    parent = project.location("global")
    for record in service.store.resources.children(Kind.QUOTA_PREFERENCE, parent):
        wanted_region = record.body.get("dimensions", {}).get("region")
        applies = record.body["quotaId"] == quota and wanted_region in {None, region}
        if applies:
            settled = record.private["settles"] <= service.now()
            granted: int = record.private["granted" if settled else "before"]
            return granted
    return None
