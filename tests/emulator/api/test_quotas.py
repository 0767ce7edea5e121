"""Requests for quota: who may ask for what, and what is granted."""

from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain

Json = dict[str, Any]
TUNING = "GlobalConcurrentManagedOssModelTuningJobs"
L4 = "CustomModelServingL4GPUsPerProjectPerRegion"


def preference(value: int | str = 3, **changes: Any) -> Json:
    body = {
        "service": "aiplatform.googleapis.com",
        "quotaId": TUNING,
        "quotaConfig": {"preferredValue": str(value)},
        "contactEmail": "a@example.com",
        **changes,
    }
    return {key: item for key, item in body.items() if item is not None}


def path(plain: Plain, name: str = "") -> str:
    return f"v1/projects/{plain.project}/locations/global/quotaPreferences{name}"


def ask(plain: Plain, **changes: Any) -> Json:
    return plain.ok("POST", path(plain, "?quotaPreferenceId=more"), preference(**changes))


BAD_PREFERENCES: dict[str, tuple[Json, int]] = {
    "no value": (preference(quotaConfig=None), 400),
    "a value that is no number": (preference("many"), 400),
    "less than nothing": (preference(-1), 400),
    "more, and nobody to ask back": (preference(contactEmail=None), 400),
    "a quota that does not exist": (preference(quotaId="Shoes"), 404),
    "a service that has none": (preference(service="compute.googleapis.com"), 404),
    "a field that does not exist": (preference(quota="x"), 400),
}


@pytest.mark.parametrize("reason", BAD_PREFERENCES)
def test_a_bad_request_for_quota_is_refused(plain: Plain, reason: str) -> None:
    body, status = BAD_PREFERENCES[reason]

    assert plain.refused("POST", path(plain), body)[0] == status
    assert plain.ok("GET", path(plain))["quotaPreferences"] == []


def test_there_is_one_request_for_each_quota_and_dimensions(plain: Plain) -> None:
    ask(plain)

    assert plain.refused("POST", path(plain, "?quotaPreferenceId=other"), preference(4))[0] == 409
    for region in ("us-central1", "europe-west4"):
        plain.ok("POST", path(plain), preference(quotaId=L4, dimensions={"region": region}))


def test_less_needs_nobodys_address_and_the_address_is_never_shown(plain: Plain) -> None:
    asked = ask(plain)

    less = plain.ok("PATCH", path(plain, "/more"), {"quotaConfig": {"preferredValue": "2"}})

    assert less["quotaConfig"] == {"preferredValue": "2", "grantedValue": "2"}
    assert "contactEmail" not in asked
    assert "contactEmail" not in less


def test_a_change_touches_what_its_mask_names(plain: Plain) -> None:
    ask(plain, justification="first")
    change = {"quotaConfig": {"preferredValue": "2"}, "justification": "second"}

    changed = plain.ok("PATCH", path(plain, "/more?updateMask=justification"), change)

    assert (changed["quotaConfig"]["preferredValue"], changed["justification"]) == ("3", "second")
    assert plain.refused("PATCH", path(plain, "/more?updateMask=quotaId"), change)[0] == 400


def test_a_change_of_what_has_changed_meanwhile_is_refused(plain: Plain) -> None:
    first = ask(plain)
    plain.ok("PATCH", path(plain, "/more"), {"quotaConfig": {"preferredValue": "2"}})

    late = {"etag": first["etag"], "quotaConfig": {"preferredValue": "1"}}
    status, name, _ = plain.refused("PATCH", path(plain, "/more"), late)

    assert (status, name) == (409, "ABORTED")


def test_a_change_may_be_tried_and_may_be_the_first(plain: Plain) -> None:
    assert plain.refused("PATCH", path(plain, "/more"), preference())[0] == 404

    plain.ok("PATCH", path(plain, "/more?allowMissing=true"), preference())
    tried = plain.ok(
        "PATCH", path(plain, "/more?validateOnly=true"), {"quotaConfig": {"preferredValue": "1"}}
    )

    assert tried["quotaConfig"]["preferredValue"] == "1"
    assert plain.ok("GET", path(plain, "/more"))["quotaConfig"]["preferredValue"] == "3"


def test_a_granted_request_is_what_limits_from_then_on(plain: Plain) -> None:
    ask(plain, quotaConfig={"preferredValue": "0"})

    plain.rows()
    status, name, _ = plain.refused("POST", f"v1beta1/{plain.location}/tuningJobs", plain.job())

    assert (status, name) == (429, "RESOURCE_EXHAUSTED")


@pytest.mark.evidence("quotas.requests", side="service")
def test_requests_a_minute_are_a_quota_of_each_location(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, requests_per_minute=3)
    path = f"v1/{plain.location}/endpoints"

    answers = [plain.call("GET", path) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    error = answers[-1].json()["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert "'Resource management (CRUD) requests per minute per region'" in error["message"]
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    elsewhere = path.replace("us-central1", "us-west1")
    assert plain.call("GET", elsewhere).status_code == 200, "another region has its own"
