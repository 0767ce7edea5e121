"""The clients that say whether a project is ready: services, billing, quotas."""

import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import billing_v1, cloudquotas_v1, service_usage_v1
from google.protobuf import field_mask_pb2

from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.google import rest
from tests.support.plain import Plain

TUNING = "Global concurrent managed OSS model fine-tuning jobs per project"


def test_services_are_listed_found_and_enabled(emulator: RunningEmulator, plain: Plain) -> None:
    on = ["serviceusage.googleapis.com", "storage.googleapis.com"]
    emulator.admin.project(plain.project, services=on)
    client = rest(service_usage_v1.ServiceUsageClient, plain.url)
    parent = f"projects/{plain.project}"
    names = [f"{parent}/services/{name}.googleapis.com" for name in ("aiplatform", "storage")]

    before = client.batch_get_services({"parent": parent, "names": names}).services
    enabled = client.enable_service({"name": names[0]}).result(timeout=30)
    listed = client.list_services({"parent": parent, "filter": "state:ENABLED", "page_size": 1})

    state = service_usage_v1.State
    assert [item.state for item in before] == [state.DISABLED, state.ENABLED]
    assert enabled.service.state == state.ENABLED
    assert [item.config.name for item in listed] == ["aiplatform.googleapis.com", *on]
    assert client.get_service({"name": names[0]}).state == state.ENABLED
    with pytest.raises(exceptions.NotFound):
        client.get_service({"name": f"{parent}/services/nothing.googleapis.com"})
    with pytest.raises(exceptions.BadRequest, match="names"):
        client.batch_get_services({"parent": parent})


@pytest.mark.parametrize("enabled", [True, False])
def test_billing_says_whether_somebody_pays(emulator: RunningEmulator, plain: Plain, enabled: bool) -> None:  # noqa: FBT001
    emulator.admin.project(plain.project, billing_enabled=enabled)
    client = rest(billing_v1.CloudBillingClient, plain.url)

    info = client.get_project_billing_info(name=f"projects/{plain.project}")

    assert (info.billing_enabled, bool(info.billing_account_name)) == (enabled, enabled)


def tuning_quota(client: Any, project: str) -> int:
    """Found by its display name, as a caller must who does not know the quota's id."""
    parent = f"projects/{project}/locations/global/services/aiplatform.googleapis.com"
    (info,) = [item for item in client.list_quota_infos(parent=parent) if item.quota_display_name == TUNING]
    assert client.get_quota_info(name=info.name).quota_id == info.quota_id
    value: int = info.dimensions_infos[0].details.value
    return value


def ask(client: Any, project: str, value: int) -> Any:
    return client.create_quota_preference(
        parent=f"projects/{project}/locations/global",
        quota_preference_id="more",
        quota_preference={
            "service": "aiplatform.googleapis.com",
            "quota_id": "GlobalConcurrentManagedOssModelTuningJobs",
            "quota_config": {"preferred_value": value},
            "contact_email": "a@example.com",
        },
    )


def test_the_tuning_quota_is_shown_and_grows_by_request(plain: Plain) -> None:
    client = rest(cloudquotas_v1.CloudQuotasClient, plain.url)
    assert tuning_quota(client, plain.project) == 1

    asked = ask(client, plain.project, 3)

    assert (asked.quota_config.granted_value, asked.reconciling) == (3, False)
    assert tuning_quota(client, plain.project) == 3
    listed = client.list_quota_preferences(parent=f"projects/{plain.project}/locations/global")
    assert [item.name for item in listed] == [asked.name]
    with pytest.raises(exceptions.Conflict):
        ask(client, plain.project, 4)


def test_more_than_google_would_give_is_granted_in_part(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, quota_grant_limit=2)
    client = rest(cloudquotas_v1.CloudQuotasClient, plain.url)

    asked = ask(client, plain.project, 50)

    assert (asked.quota_config.preferred_value, asked.quota_config.granted_value) == (50, 2)
    assert tuning_quota(client, plain.project) == 2


def test_a_request_is_changed(plain: Plain) -> None:
    client = rest(cloudquotas_v1.CloudQuotasClient, plain.url)
    asked = ask(client, plain.project, 3)

    changed = client.update_quota_preference(
        quota_preference={"name": asked.name, "quota_config": {"preferred_value": 2}, "etag": asked.etag},
        update_mask=field_mask_pb2.FieldMask(paths=["quota_config.preferred_value"]),
    )

    assert (changed.quota_config.preferred_value, changed.quota_config.granted_value) == (2, 2)
    assert tuning_quota(client, plain.project) == 2


ON = ("aiplatform", "serviceusage", "storage")


def test_services_are_disabled_and_enabled_together(emulator: RunningEmulator, plain: Plain) -> None:
    client = rest(service_usage_v1.ServiceUsageClient, plain.url)
    emulator.admin.project(plain.project, services=[f"{name}.googleapis.com" for name in ON])
    parent = f"projects/{plain.project}"
    ids = ["cloudquotas.googleapis.com", "iam.googleapis.com"]

    off = client.disable_service({"name": f"{parent}/services/storage.googleapis.com"}).result(timeout=30)
    on = client.batch_enable_services({"parent": parent, "service_ids": ids}).result(timeout=30)

    assert off.service.state == service_usage_v1.State.DISABLED
    assert [item.config.name for item in on.services] == ids
    listed = client.list_services({"parent": parent, "filter": "state:ENABLED"})
    assert [item.config.name for item in listed] == [
        "aiplatform.googleapis.com",
        *ids,
        "serviceusage.googleapis.com",
    ]


slow = emulator_fixture("fast")


def test_a_request_takes_its_time(slow: RunningEmulator) -> None:
    client = rest(cloudquotas_v1.CloudQuotasClient, slow.url)
    asked = ask(client, "p", 3)
    assert (asked.reconciling, asked.quota_config.granted_value) == (True, 1)
    deadline = time.monotonic() + 10
    while (found := client.get_quota_preference(name=asked.name)).reconciling:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found.quota_config.granted_value == 3
    assert tuning_quota(client, "p") == 3
