"""What has to be so in a project: billing, APIs, the tuning quota."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from google.cloud.billing_v1 import CloudBillingClient
from google.cloud.cloudquotas_v1 import CloudQuotasClient, DimensionsInfo, QuotaInfo
from google.cloud.service_usage_v1 import BatchGetServicesRequest, ServiceUsageClient, State

from ..catalog import TUNING_QUOTA
from .bounds import listed
from .client import Quota, QuotaRequest
from .connection import Connection
from .errors import NotFound
from .retry import CALL, looked_up

TUNING_QUOTA_ID = "GlobalConcurrentManagedOssModelTuningJobs"
"""As it was seen in a project; Google's pages name the quota by its title only."""
_SERVING_QUOTAS = {
    "NVIDIA_L4": "L4",
    "NVIDIA_TESLA_A100": "A100",
    "NVIDIA_A100_80GB": "A10080GB",
    "NVIDIA_H100_80GB": "H100",
    "NVIDIA_RTX_PRO_6000": "RTXPRO6000",
}
"""Accelerator to its part of the quota's id, as Google's command line names them."""


class GoogleProject:
    """``client.Project`` on the real services or on one that speaks like them."""

    def __init__(self, connection: Connection) -> None:
        self._billing = cache(lambda: connection.worldwide(CloudBillingClient))
        self._usage = cache(lambda: connection.worldwide(ServiceUsageClient))
        self._quotas = cache(lambda: connection.worldwide(CloudQuotasClient))

    def billing_enabled(self, project: str) -> bool:
        """Whether the project has a billing account that is open."""
        name = f"projects/{project}"
        return bool(
            looked_up(lambda: self._billing().get_project_billing_info(name=name, **CALL)).billing_enabled
        )

    def enabled_services(self, project: str, services: Iterable[str]) -> frozenset[str]:
        """Which of these APIs are on."""
        wanted = {f"projects/{project}/services/{service}": service for service in services}
        request = BatchGetServicesRequest(parent=f"projects/{project}", names=list(wanted))
        answer = looked_up(lambda: self._usage().batch_get_services(request, **CALL))
        return frozenset(
            found.name.rsplit("/", 1)[-1] for found in answer.services if found.state == State.ENABLED
        )

    def tuning_quota(self, project: str) -> Quota:
        """Tuning jobs at once: global per project, over all regions and models."""
        found = self._info(project, TUNING_QUOTA_ID) or self._displayed(project, TUNING_QUOTA)
        if found is None:
            return Quota(limit=None, name=f"{TUNING_QUOTA_ID} or '{TUNING_QUOTA}'")
        limit, request = _largest(found.dimensions_infos), self._request(project, found.quota_id)
        return Quota(limit=limit, name=found.quota_id, request=request)

    def _request(self, project: str, quota_id: str) -> QuotaRequest | None:
        parent = f"projects/{project}/locations/global"
        preferences = looked_up(
            lambda: listed(
                self._quotas().list_quota_preferences(parent=parent, **CALL),
                "quota preferences",
                lambda page: page.quota_preferences,
            )
        )
        for preference in preferences:
            if preference.quota_id == quota_id:
                # Google's client unwraps the message, whatever its annotation says.
                granted: Any = preference.quota_config.granted_value
                return QuotaRequest(
                    id=preference.name.rsplit("/", 1)[-1],
                    asked=preference.quota_config.preferred_value,
                    granted=granted or 0,
                    deciding=preference.reconciling,
                )
        return None

    def serving_quota(
        self, project: str, region: str, accelerator_type: str, *, preemptible: bool = False
    ) -> Quota:
        """Accelerators of this type that deployed models may hold in this region."""
        quota_id = serving_quota_id(accelerator_type, preemptible=preemptible)
        found = self._info(project, quota_id) if quota_id else None
        if found is None:
            return Quota(
                limit=None, name=quota_id or f"the quota of {accelerator_type}, whose name is unknown,"
            )
        here = [each for each in found.dimensions_infos if region in each.applicable_locations]
        return Quota(limit=_largest(here), name=quota_id)

    def _info(self, project: str, quota_id: str) -> QuotaInfo | None:
        name = f"{_quotas_of(project)}/quotaInfos/{quota_id}"
        try:
            return looked_up(lambda: self._quotas().get_quota_info(name=name, **CALL))
        except NotFound:
            return None

    def _displayed(self, project: str, title: str) -> QuotaInfo | None:
        """Google shows the quota under this title; its id was seen in one project only."""
        parent = _quotas_of(project)
        try:
            found = looked_up(
                lambda: listed(
                    self._quotas().list_quota_infos(parent=parent, **CALL),
                    "quotas",
                    lambda page: page.quota_infos,
                )
            )
        except NotFound:
            return None
        return next((info for info in found if info.quota_display_name == title), None)


def serving_quota_id(accelerator_type: str, *, preemptible: bool) -> str:
    """Google's id of an accelerator's serving quota; empty where nobody has seen it."""
    name = _SERVING_QUOTAS.get(accelerator_type)
    kind = "Preemptible" if preemptible else ""
    return f"CustomModelServing{kind}{name}GPUsPerProjectPerRegion" if name else ""


def _quotas_of(project: str) -> str:
    return f"projects/{project}/locations/global/services/aiplatform.googleapis.com"


def _largest(dimensions: Iterable[DimensionsInfo]) -> int | None:
    return max((each.details.value for each in dimensions), default=None)
