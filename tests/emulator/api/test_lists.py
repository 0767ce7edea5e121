"""Lists: their filters, orders, masks and tokens mean what Google says, or are refused."""

import base64
from typing import Any

import pytest

from tests.support.plain import Plain
from vertex_emulator.wire.errors import ApiError
from vertex_emulator.wire.filters import compile_filter

Json = dict[str, Any]
ITEM: Json = {
    "name": "projects/1/locations/l/endpoints/7",
    "displayName": "a",
    "createTime": "2026-01-01T00:00:00.500000Z",
    "labels": {"team": "blue", "a key": "x"},
}
FIELDS = frozenset({"endpoint", "display_name", "create_time"})

FILTERS: dict[str, bool] = {
    "labels.team=blue": True,
    "labels:team": True,
    "labels:nobody": False,
    'labels:"a key"': True,
    'labels."a key"=x': True,
    'labels."a key":*': True,
    'labels."another key":*': False,
    "endpoint=7 AND displayName=a": True,
    # OR binds tighter than AND.
    "endpoint=7 OR endpoint=8 AND displayName=b": False,
    "displayName=b AND endpoint=8 OR endpoint=7": False,
    "displayName=a endpoint=8 OR endpoint=7": True,
    "(displayName=b AND endpoint=8) OR endpoint=7": True,
    "NOT displayName=b": True,
    # Times are times, however they are written.
    'create_time>"2026-01-01T00:00:00Z"': True,
    'create_time="2026-01-01T00:00:00.5Z"': True,
    'create_time="2026-01-01T01:00:00.5+01:00"': True,
    'create_time<"2026-01-01T00:00:01Z"': True,
    'createTime>="2026-01-01T00:00:00.500001Z"': False,
    "create_time:*": True,
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_means_what_google_says(text: str) -> None:
    assert compile_filter(text, FIELDS)(ITEM) is FILTERS[text]


REFUSED: dict[str, int] = {
    "labels=team": 3,
    "labels.": 3,
    'create_time>"yesterday"': 3,
    "nothing=1": 3,
    'baseModelName="text-bison"': 12,
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_filter_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        compile_filter(text, FIELDS)

    assert refused.value.code == REFUSED[text]


@pytest.fixture(scope="module")
def endpoints(emulator: Any) -> Plain:
    plain = Plain.of_test(emulator.url, __name__)
    for name, description in (("b", "1"), ("a", "1"), ("c", "2"), ("a", "2")):
        plain.done(plain.vertex("POST", "/endpoints", {"displayName": name, "description": description}))
    return plain


ORDERS: dict[str, list[str]] = {
    "": ["a2", "c2", "a1", "b1"],
    "display_name": ["a1", "a2", "b1", "c2"],
    "displayName desc": ["c2", "b1", "a2", "a1"],
    "display_name, description desc": ["a2", "a1", "b1", "c2"],
    "description desc, display_name": ["a2", "c2", "a1", "b1"],
}


@pytest.mark.parametrize("size", ["1", "100"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_list_is_ordered_by_every_field_page_after_page(endpoints: Plain, order: str, size: str) -> None:
    found: list[str] = []
    token = ""
    while True:
        query = {"orderBy": order, "pageSize": size, "pageToken": token}
        page = endpoints.ok("GET", f"v1/{endpoints.location}/endpoints", params=query)
        found += [item["displayName"] + item["description"] for item in page["endpoints"]]
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert found == ORDERS[order]


def test_a_read_mask_leaves_out_what_it_does_not_name(endpoints: Plain) -> None:
    query = {"readMask": "displayName,create_time", "pageSize": "1"}

    (item,) = endpoints.ok("GET", f"v1/{endpoints.location}/endpoints", params=query)["endpoints"]

    assert item.keys() == {"displayName", "createTime"}


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


ARGUMENTS: dict[str, tuple[str, dict[str, str], int]] = {
    "an argument of another method": ("endpoints", {"gcsUri": "gs://b/w"}, 400),
    "an order that tuning jobs do not have": ("tuningJobs", {"orderBy": "create_time"}, 400),
    "an order by nothing": ("endpoints", {"orderBy": "display_name, nothing"}, 400),
    "a mask of nothing": ("endpoints", {"readMask": "nothing"}, 400),
    "a token that is not finite": ("endpoints", {"pageToken": token("[1e999]")}, 400),
    "a token of another order": ("endpoints", {"pageToken": token('["a", 1]')}, 400),
    "a token that is no list": ("endpoints", {"pageToken": token("1")}, 400),
    "a token of no operation": ("operations", {"pageToken": token("nothing")}, 400),
    "a filter of operations": ("operations", {"filter": "done=true"}, 501),
}  # fmt: skip


@pytest.mark.parametrize("reason", ARGUMENTS)
def test_an_argument_that_has_no_effect_is_refused(plain: Plain, reason: str) -> None:
    collection, query, status = ARGUMENTS[reason]

    assert plain.refused("GET", f"v1/{plain.location}/{collection}", params=query)[0] == status


def test_pages_of_operations_go_on_though_the_last_one_shown_is_gone(plain: Plain) -> None:
    names = [plain.vertex("POST", "/endpoints", {"displayName": f"e{n}"})["name"] for n in range(4)]
    path = f"v1/{plain.location}/operations"
    first = plain.ok("GET", path, params={"pageSize": "2"})

    plain.ok("DELETE", f"v1/{names[2]}")  # the one that the token names
    rest = plain.ok("GET", path, params={"pageSize": "2", "pageToken": first["nextPageToken"]})

    assert [item["name"] for item in first["operations"]] == [names[3], names[2]]
    assert [item["name"] for item in rest["operations"]] == [names[1], names[0]]
    assert "nextPageToken" not in rest


@pytest.mark.parametrize(
    ("collection", "status"),
    [("quotaPreferences", 501), ("services/aiplatform.googleapis.com/quotaInfos", 400)],
)
@pytest.mark.parametrize("argument", ["filter", "orderBy"])
def test_quotas_are_neither_filtered_nor_ordered_and_say_so(
    plain: Plain, collection: str, argument: str, status: int
) -> None:
    path = f"v1/projects/{plain.project}/locations/global/{collection}"

    assert plain.refused("GET", path, params={argument: "quota_id"})[0] == status
