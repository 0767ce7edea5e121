"""What has to be so in a project: billing, APIs, the tuning quota."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from google.cloud.billing_v1 import CloudBillingClient
from google.cloud.cloudquotas_v1 import CloudQuotasClient, DimensionsInfo, QuotaInfo
from google.cloud.service_usage_v1 import BatchGetServicesRequest, ServiceUsageClient, State

from ..catalog import TUNING_QUOTA
from .client import Quota, QuotaRequest
from .connection import Connection
from .errors import NotFound
from .paging import listed
from .retry import CALL, looked_up


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
            found.name.rsplit("/", 1)[1] for found in answer.services if found.state == State.ENABLED
        )

    def tuning_quota(self, project: str) -> Quota:
        """Tuning jobs at once: global per project, over all regions and models."""
        for info in self._infos(project):
            if info.quota_display_name == TUNING_QUOTA:
                return Quota(
                    limit=_largest(info.dimensions_infos), request=self._request(project, info.quota_id)
                )
        return Quota(limit=None)

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
                    id=preference.name.rsplit("/", 1)[1],
                    asked=preference.quota_config.preferred_value,
                    granted=granted or 0,
                    deciding=preference.reconciling,
                )
        return None

    def serving_quota(self, project: str, region: str, accelerator_type: str) -> Quota:
        """Accelerators of this type that deployed models may hold in this region."""
        metric = f"aiplatform.googleapis.com/custom_model_serving_{accelerator_type.lower()}_gpus"
        for info in self._infos(project):
            if info.metric == metric:
                here = [each for each in info.dimensions_infos if region in each.applicable_locations]
                return Quota(limit=_largest(here))
        return Quota(limit=None)

    def _infos(self, project: str) -> list[QuotaInfo]:
        parent = f"projects/{project}/locations/global/services/aiplatform.googleapis.com"
        try:
            return looked_up(
                lambda: listed(
                    self._quotas().list_quota_infos(parent=parent, **CALL),
                    "quotas",
                    lambda page: page.quota_infos,
                )
            )
        except NotFound:
            return []


def _largest(dimensions: Iterable[DimensionsInfo]) -> int | None:
    return max((each.details.value for each in dimensions), default=None)
