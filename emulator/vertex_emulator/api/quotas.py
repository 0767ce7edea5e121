"""Cloud Quotas v1: what a project may use."""

from vertex_emulator.api.common import Json, project_of
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.machine_types import BY_TYPE, REGIONS
from vertex_emulator.quota import (
    SERVING_QUOTAS,
    TUNING_METRIC,
    TUNING_QUOTA,
    ServingQuota,
    serving_quota,
    tuning_quota,
)
from vertex_emulator.store.projects import QUOTAS_API, VERTEX_API, Project
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import invalid, not_found

_SERVICE_PATH = f"services/{VERTEX_API}"
_COMMON = {
    "service": VERTEX_API,
    "isPrecise": True,
    "containerType": "PROJECT",
    "metricUnit": "1",
    "quotaIncreaseEligibility": {"isEligible": True},
}


def quota_project(call: Call) -> Project:
    """The project of a call; quotas live in the location global."""
    if call.params["location"] != "global":
        raise invalid("Quotas live in locations/global.")
    return project_of(call, QUOTAS_API)


def _infos(call: Call) -> list[Json]:
    project = quota_project(call)
    parent = f"{project.location('global')}/{_SERVICE_PATH}/quotaInfos"
    tuning = {
        **_COMMON,
        "name": f"{parent}/{TUNING_QUOTA}",
        "quotaId": TUNING_QUOTA,
        "metric": TUNING_METRIC,
        "quotaDisplayName": "Global concurrent managed OSS model fine-tuning jobs per project",
        "metricDisplayName": "Global concurrent managed OSS model fine-tuning jobs",
        "isConcurrent": True,
        "dimensionsInfos": [
            {
                "details": {"value": str(tuning_quota(call.service, project))},
                "applicableLocations": ["global"],
            }
        ],
    }
    return [*(_serving(call, project, parent, quota) for quota in SERVING_QUOTAS.values()), tuning]


def _serving(call: Call, project: Project, parent: str, quota: ServingQuota) -> Json:
    kind = "preemptible " if quota.preemptible else ""
    title = f"Custom model serving {kind}Nvidia {BY_TYPE[quota.accelerator].quota} GPUs"
    return {
        **_COMMON,
        "name": f"{parent}/{quota.id}",
        "quotaId": quota.id,
        "metric": quota.metric,
        "quotaDisplayName": f"{title} per region",
        "metricDisplayName": title,
        "dimensions": ["region"],
        "dimensionsInfos": [
            {
                "dimensions": {"region": region},
                "details": {"value": str(serving_quota(call.service, project, quota, region))},
                "applicableLocations": [region],
            }
            for region in REGIONS
        ],
    }


def get_info(call: Call) -> Json:
    """One quota."""
    for info in _infos(call) if call.params["service"] == VERTEX_API else []:
        if info["quotaId"] == call.params["quota"]:
            return info
    raise not_found(f"QuotaInfo {call.params['quota']}")


def list_infos(call: Call) -> Json:
    """The quotas of a service."""
    found = _infos(call) if call.params["service"] == VERTEX_API else []
    return pages.page(call.arguments("pageSize", "pageToken"), "quotaInfos", found)


_SERVICE = "google.api.cloudquotas.v1.CloudQuotas"
_INFOS = "/v1/projects/{project=*}/locations/{location}/services/{service}/quotaInfos"
ROUTES: tuple[Route, ...] = (
    books("GET", _INFOS, f"{_SERVICE}.ListQuotaInfos", list_infos),
    books("GET", f"{_INFOS}/{{quota}}", f"{_SERVICE}.GetQuotaInfo", get_info),
)
