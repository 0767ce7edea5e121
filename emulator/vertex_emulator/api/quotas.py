"""Cloud Quotas v1: what a project may use."""

from vertex_emulator.api.common import Json
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.catalog import TUNING_REGIONS
from vertex_emulator.quota import L4_QUOTA, TUNING_METRIC, TUNING_QUOTA, l4_quota, tuning_quota
from vertex_emulator.store.projects import VERTEX_API, Project
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import invalid, not_found

_SERVICE_PATH = f"services/{VERTEX_API}"


def quota_project(call: Call) -> Project:
    """The project of a call; quotas live in the location global."""
    if call.params["location"] != "global":
        raise invalid("Quotas live in locations/global.")
    return call.service.store.projects.get(call.params["project"])


def _infos(call: Call) -> list[Json]:
    project = quota_project(call)
    parent = f"{project.location('global')}/{_SERVICE_PATH}/quotaInfos"
    common = {
        "service": VERTEX_API,
        "isPrecise": True,
        "containerType": "PROJECT",
        "metricUnit": "1",
        "quotaIncreaseEligibility": {"isEligible": True},
    }
    tuning = {
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
    l4 = {
        "name": f"{parent}/{L4_QUOTA}",
        "quotaId": L4_QUOTA,
        "metric": "aiplatform.googleapis.com/custom_model_serving_nvidia_l4_gpus",
        "quotaDisplayName": "Custom model serving Nvidia L4 GPUs per region",
        "metricDisplayName": "Custom model serving Nvidia L4 GPUs",
        "dimensions": ["region"],
        "dimensionsInfos": [
            {
                "dimensions": {"region": region},
                "details": {"value": str(l4_quota(call.service, project, region))},
                "applicableLocations": [region],
            }
            for region in sorted(TUNING_REGIONS)
        ],
    }
    return [{**common, **l4}, {**common, **tuning}]


def get_info(call: Call) -> Json:
    """One quota."""
    for info in _infos(call) if call.params["service"] == VERTEX_API else []:
        if info["quotaId"] == call.params["quota"]:
            return info
    raise not_found(f"QuotaInfo {call.params['quota']}")


def list_infos(call: Call) -> Json:
    """The quotas of a service."""
    found = _infos(call) if call.params["service"] == VERTEX_API else []
    return page(call, "quotaInfos", found)


def page(call: Call, key: str, found: list[Json]) -> Json:
    """A page of what has a name."""
    arguments = call.arguments("pageSize", "pageToken")
    size, after = pages.page_size(arguments.get("pageSize")), pages.after(arguments.get("pageToken")) or ""
    left = [item for item in sorted(found, key=lambda item: str(item["name"])) if item["name"] > after]
    answer: Json = {key: left[:size]}
    if len(left) > size:
        answer["nextPageToken"] = pages.token(left[size - 1]["name"])
    return answer


_SERVICE = "google.api.cloudquotas.v1.CloudQuotas"
_INFOS = "/v1/projects/{project=*}/locations/{location}/services/{service}/quotaInfos"
ROUTES: tuple[Route, ...] = (
    books("GET", _INFOS, f"{_SERVICE}.ListQuotaInfos", list_infos),
    books("GET", f"{_INFOS}/{{quota}}", f"{_SERVICE}.GetQuotaInfo", get_info),
)
