"""What is kept of a bucket, what is refused instead of being forgotten, and its IAM policy."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.plain import Plain

Json = dict[str, Any]


def make(plain: Plain, **settings: Any) -> Json:
    return plain.ok("POST", f"storage/v1/b?project={plain.project}", {"name": plain.bucket, **settings})


def test_a_bucket_is_read_back_as_it_was_asked_for(plain: Plain) -> None:
    asked = {
        "location": "europe-west4",
        "storageClass": "NEARLINE",
        "labels": {"team": "blue"},
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": True},
            "publicAccessPrevention": "enforced",
        },
    }

    made = make(plain, **asked)

    found = plain.ok("GET", f"storage/v1/b/{plain.bucket}")
    assert found == made
    assert (found["location"], found["locationType"]) == ("EUROPE-WEST4", "region")
    assert (found["storageClass"], found["labels"]) == ("NEARLINE", {"team": "blue"})
    access = found["iamConfiguration"]
    assert access["uniformBucketLevelAccess"] == {"enabled": True}
    assert access["publicAccessPrevention"] == "enforced"


def test_what_a_change_does_not_name_stays(plain: Plain) -> None:
    made = make(plain, labels={"team": "blue", "old": "x"}, storageClass="NEARLINE")

    access = {"uniformBucketLevelAccess": {"enabled": True}}
    change = {"labels": {"old": None, "new": "y"}, "iamConfiguration": access}
    changed = plain.ok("PATCH", f"storage/v1/b/{plain.bucket}", change)

    assert (changed["labels"], changed["storageClass"]) == ({"team": "blue", "new": "y"}, "NEARLINE")
    assert changed["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"]
    assert int(changed["metageneration"]) == int(made["metageneration"]) + 1


HAS_NO_EFFECT_HERE: dict[str, Json] = {
    "old generations are not kept": {"versioning": {"enabled": True}},
    "nothing is deleted by age": {"lifecycle": {"rule": [{"action": {"type": "Delete"}}]}},
    "nothing is held back from deletion": {"retentionPolicy": {"retentionPeriod": "60"}},
    "deleted objects are gone": {"softDeletePolicy": {"retentionDurationSeconds": "604800"}},
    "there is one class of storage": {"autoclass": {"enabled": True}},
}


@pytest.mark.parametrize("reason", HAS_NO_EFFECT_HERE)
def test_a_setting_without_an_effect_here_is_refused_and_never_forgotten(plain: Plain, reason: str) -> None:
    setting = HAS_NO_EFFECT_HERE[reason]
    (name,) = setting
    body = {"name": plain.bucket, **setting}

    status, _, message = plain.refused("POST", f"storage/v1/b?project={plain.project}", body)
    make(plain)
    later, _, _ = plain.refused("PATCH", f"storage/v1/b/{plain.bucket}", setting)

    assert (status, later, name in message) == (501, 501, True)


def test_a_setting_that_says_off_is_no_setting(plain: Plain) -> None:
    make(
        plain,
        versioning={"enabled": False},
        lifecycle={"rule": []},
        softDeletePolicy={"retentionDurationSeconds": "0"},
        website=None,
    )


BAD_BUCKETS: dict[str, Json] = {
    "labels that are no strings": {"labels": {"a": 1}},
    "an access setting that does not exist": {"iamConfiguration": {"publicAccessPrevention": "maybe"}},
    "a location that is no text": {"location": 5},
}


@pytest.mark.parametrize("reason", BAD_BUCKETS)
def test_a_malformed_bucket_is_refused(plain: Plain, reason: str) -> None:
    body = {"name": plain.bucket, **BAD_BUCKETS[reason]}

    assert plain.refused("POST", f"storage/v1/b?project={plain.project}", body)[0] == 400


def test_a_bucket_stays_where_it_is(plain: Plain) -> None:
    make(plain, location="us-central1")

    assert plain.refused("PATCH", f"storage/v1/b/{plain.bucket}", {"location": "EU"})[0] == 400


def test_a_change_of_what_has_changed_meanwhile_is_refused(plain: Plain) -> None:
    made = make(plain)
    path = f"storage/v1/b/{plain.bucket}?ifMetagenerationMatch={made['metageneration']}"

    plain.ok("PATCH", path, {"labels": {"a": "b"}})

    assert plain.refused("PATCH", path, {"labels": {"a": "c"}})[0] == 412
    assert plain.refused("DELETE", path)[0] == 412


def binding(role: str = "roles/storage.objectAdmin", *members: str, **rest: Any) -> Json:
    return {"role": role, "members": list(members or ("user:a@example.com",)), **rest}


def test_a_new_buckets_policy_names_its_projects_people(plain: Plain) -> None:
    make(plain)

    policy = plain.ok("GET", f"storage/v1/b/{plain.bucket}/iam")

    assert policy["kind"] == "storage#policy"
    assert policy["resourceId"] == f"projects/_/buckets/{plain.bucket}"
    owners = policy["bindings"][0]["members"]
    assert owners == [f"projectEditor:{plain.project}", f"projectOwner:{plain.project}"]


BAD_POLICIES: dict[str, tuple[Json, int]] = {
    "a role that is none": ({"bindings": [binding("admin")]}, 400),
    "a member of no kind": ({"bindings": [binding("roles/x.y", "a@example.com")]}, 400),
    "the public, where it is kept out": ({"bindings": [binding("roles/x.y", "allUsers")]}, 412),
    "a condition in a policy too old for it": (
        {"bindings": [binding(condition={"title": "t", "expression": "true"})]},
        400,
    ),
    "bindings that are no list": ({"bindings": "none"}, 400),
    "a field that does not exist": ({"bindings": [binding(rolle="x")]}, 400),
    "more members than a policy can have": (
        {"bindings": [binding("roles/x.y", *(f"user:{n}@example.com" for n in range(1501)))]},
        400,
    ),
}


@pytest.mark.parametrize("reason", BAD_POLICIES)
def test_a_bad_policy_is_refused_and_changes_nothing(plain: Plain, reason: str) -> None:
    body, status = BAD_POLICIES[reason]
    make(plain, iamConfiguration={"publicAccessPrevention": "enforced"})
    before = plain.ok("GET", f"storage/v1/b/{plain.bucket}/iam")

    assert plain.refused("PUT", f"storage/v1/b/{plain.bucket}/iam", body)[0] == status
    assert plain.ok("GET", f"storage/v1/b/{plain.bucket}/iam") == before


def test_of_16_who_each_add_a_member_none_is_lost(plain: Plain) -> None:
    make(plain)
    path = f"{plain.url}/storage/v1/b/{plain.bucket}/iam"

    def add(number: int) -> None:
        with httpx.Client(timeout=60) as client:
            done = False
            while not done:
                policy = client.get(path).json()
                policy["bindings"].append(binding("roles/storage.objectViewer", f"user:{number}@example.com"))
                answer = client.put(path, json=policy)
                assert answer.status_code in {200, 412}
                done = answer.status_code == 200

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(16)))

    members = {member for item in httpx.get(path).json()["bindings"] for member in item["members"]}
    assert {f"user:{number}@example.com" for number in range(16)} <= members


def test_all_permissions_are_there_because_nobody_is_refused(plain: Plain) -> None:
    make(plain)
    path = f"storage/v1/b/{plain.bucket}/iam/testPermissions"
    query = "permissions=storage.objects.get&permissions=storage.buckets.delete"

    assert plain.ok("GET", f"{path}?{query}")["permissions"] == [
        "storage.objects.get",
        "storage.buckets.delete",
    ]
    assert plain.refused("GET", f"{path}?permissions=compute.disks.get")[0] == 400
