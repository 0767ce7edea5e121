"""Models, endpoints and what is deployed where: the books that Vertex AI keeps."""

from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain

Json = dict[str, Any]


def test_names_carry_the_projects_number_and_either_form_is_understood(plain: Plain) -> None:
    name = plain.endpoint()

    number = name.split("/")[1]
    assert number.isdigit()
    assert plain.ok("GET", f"v1/{name}")["name"] == name
    assert plain.ok("GET", f"v1/{name.replace(number, plain.project)}")["name"] == name


def test_v1_leaves_out_what_only_v1beta1_has(plain: Plain) -> None:
    endpoint, model = plain.endpoint(), plain.model()
    plain.deploy(endpoint, model, {"0": 100})

    old = plain.ok("GET", f"v1/{endpoint}")["deployedModels"][0]
    new = plain.ok("GET", f"v1beta1/{endpoint}")["deployedModels"][0]

    assert old["id"] == new["id"]
    assert old["dedicatedResources"]["machineSpec"]["acceleratorType"] == "NVIDIA_L4", "names, not numbers"


def test_an_operation_speaks_the_version_that_began_it_wherever_it_is_polled(plain: Plain) -> None:
    operation = plain.vertex("POST", "/endpoints", {"displayName": "e"}, version="v1")

    polled = plain.ok("GET", f"v1/{operation['name']}")

    assert polled["metadata"]["@type"].endswith("aiplatform.v1.CreateEndpointOperationMetadata")
    assert polled["response"]["@type"].endswith("aiplatform.v1.Endpoint")
    assert plain.ok("GET", f"v1beta1/{operation['name']}") == polled
    assert plain.ok("POST", f"v1/{operation['name']}:wait", {"timeout": "1s"}) == polled
    resource = operation["name"].partition("/operations/")[0]
    assert [item["name"] for item in plain.ok("GET", f"v1/{resource}/operations")["operations"]] == [
        operation["name"]
    ]


def test_the_callers_ids_are_kept_and_never_given_twice(plain: Plain) -> None:
    body = {
        "customModel": {"gcsUri": plain.weights()},
        "endpointConfig": {"endpointUserId": "front"},
        "modelConfig": {"modelUserId": "weights_1"},
    }

    answer = plain.done(plain.vertex("POST", ":deploy", body))

    assert answer["endpoint"].endswith("/endpoints/front")
    assert answer["model"].endswith("/models/weights_1@1")
    endpoint = plain.ok("GET", f"v1beta1/{answer['endpoint']}")
    assert list(endpoint["trafficSplit"].values()) == [100]
    assert endpoint["dedicatedEndpointEnabled"] is True, "unless the caller says otherwise"
    assert plain.refused("POST", f"v1beta1/{plain.location}:deploy", body)[:2] == (409, "ALREADY_EXISTS")
    taken = plain.refused(
        "POST", f"v1beta1/{plain.location}/endpoints?endpointId=front", {"displayName": "x"}
    )
    assert taken[0] == 409


def test_a_model_that_is_deployed_and_an_endpoint_that_serves_cannot_be_deleted(plain: Plain) -> None:
    endpoint, model = plain.endpoint(), plain.model()
    deployed = plain.deploy(endpoint, model, {"0": 100})

    assert plain.refused("DELETE", f"v1/{endpoint}")[:2] == (400, "FAILED_PRECONDITION")
    assert plain.refused("DELETE", f"v1/{model}")[:2] == (400, "FAILED_PRECONDITION")
    assert plain.ok("GET", f"v1/{model}")["deployedModels"] == [
        {"endpoint": endpoint, "deployedModelId": deployed["id"]}
    ]

    plain.done(plain.ok("POST", f"v1/{endpoint}:undeployModel", {"deployedModelId": deployed["id"]}))
    plain.done(plain.ok("DELETE", f"v1/{model}"))
    plain.done(plain.ok("DELETE", f"v1/{endpoint}"))
    assert plain.refused("GET", f"v1/{endpoint}")[0] == 404


def test_traffic_moves_by_patch_and_must_add_up(plain: Plain) -> None:
    endpoint, model = plain.endpoint(), plain.model()
    first = plain.deploy(endpoint, model, {"0": 100})["id"]
    second = plain.deploy(endpoint, model, {"0": 0, first: 100})["id"]
    path = f"v1/{endpoint}?updateMask=trafficSplit"

    assert plain.ok("GET", f"v1/{endpoint}")["trafficSplit"] == {first: 100, second: 0}
    assert plain.ok("PATCH", path, {"trafficSplit": {first: 30, second: 70}})["trafficSplit"][second] == 70
    assert plain.refused("PATCH", path, {"trafficSplit": {first: 30}})[0] == 400
    assert plain.refused("PATCH", path, {"trafficSplit": {first: 0, "999": 100}})[0] == 400
    busy = plain.refused("POST", f"v1/{endpoint}:undeployModel", {"deployedModelId": first})
    assert busy[:2] == (400, "FAILED_PRECONDITION"), "30% of the traffic would be lost"
    body = {"deployedModelId": first, "trafficSplit": {second: 100}}
    plain.done(plain.ok("POST", f"v1/{endpoint}:undeployModel", body))
    assert plain.ok("GET", f"v1/{endpoint}")["trafficSplit"] == {second: 100}


def test_without_a_split_a_second_model_gets_no_traffic(plain: Plain) -> None:
    endpoint, model = plain.endpoint(), plain.model()
    first = plain.deploy(endpoint, model, {"0": 100})["id"]

    plain.deploy(endpoint, model)

    assert plain.ok("GET", f"v1/{endpoint}")["trafficSplit"] == {first: 100}


def test_a_rolling_deployment_takes_the_place_of_the_one_before(plain: Plain) -> None:
    endpoint, model = plain.endpoint(), plain.model()
    first = plain.deploy(endpoint, model, {"0": 100})
    deployed = {
        "model": model,
        "dedicatedResources": first["dedicatedResources"],
        "rolloutOptions": {"previousDeployedModel": first["id"], "maxSurgeReplicas": 1},
    }

    keeping = {"deployedModel": deployed, "trafficSplit": {"0": 50, first["id"]: 50}}
    assert plain.refused("POST", f"v1beta1/{endpoint}:deployModel", keeping)[0] == 400, "it will be gone"
    answer = plain.done(plain.ok("POST", f"v1beta1/{endpoint}:deployModel", {"deployedModel": deployed}))

    new = answer["deployedModel"]["id"]
    found = plain.ok("GET", f"v1beta1/{endpoint}")
    assert ([item["id"] for item in found["deployedModels"]], found["trafficSplit"]) == ([new], {new: 100})


def test_a_deployed_models_replicas_can_be_changed(plain: Plain) -> None:
    endpoint, model = plain.endpoint(), plain.model()
    deployed = plain.deploy(endpoint, model, {"0": 100})
    change = {
        "id": deployed["id"],
        "dedicatedResources": {**deployed["dedicatedResources"], "maxReplicaCount": 3},
    }
    mask = "dedicatedResources.maxReplicaCount"

    answer = plain.done(
        plain.ok("POST", f"v1/{endpoint}:mutateDeployedModel", {"deployedModel": change, "updateMask": mask})
    )

    assert answer["deployedModel"]["dedicatedResources"]["maxReplicaCount"] == 3


UPDATES: dict[str, tuple[str, int]] = {
    "a field that is given once and for all": ("encryptionSpec", 400),
    "a field that does not exist": ("shoeSize", 400),
    "nothing": ("", 400),
    "one by the name that protobuf gives it": ("display_name", 200),
    "two": ("labels,displayName", 200),
}


@pytest.mark.parametrize("kind", ["endpoint", "model"])
@pytest.mark.parametrize("reason", UPDATES)
def test_an_update_changes_what_its_mask_names(plain: Plain, reason: str, kind: str) -> None:
    mask, status = UPDATES[reason]
    name = plain.endpoint("before") if kind == "endpoint" else plain.model("before")

    given = {"displayName": "after", "description": "unnamed", "labels": {"a": "b"}}
    answer = plain.call("PATCH", f"v1/{name}", given, params={"updateMask": mask})

    assert answer.status_code == status, answer.text
    found = plain.ok("GET", f"v1/{name}")
    assert found["displayName"] == ("after" if status == 200 else "before")
    assert found.get("labels", {}) == ({"a": "b"} if "labels" in mask else {})
    assert "description" not in found


@pytest.mark.parametrize("kind", ["endpoint", "model"])
def test_no_update_takes_a_name_away(plain: Plain, kind: str) -> None:
    name = plain.endpoint("before") if kind == "endpoint" else plain.model("before")

    status, _, message = plain.refused("PATCH", f"v1/{name}?updateMask=displayName", {})

    assert (status, "display_name" in message) == (400, True)
    assert plain.ok("GET", f"v1/{name}")["displayName"] == "before"


@pytest.mark.parametrize("kind", ["endpoint", "model"])
def test_an_update_of_what_has_changed_meanwhile_is_refused(plain: Plain, kind: str) -> None:
    name = plain.endpoint() if kind == "endpoint" else plain.model()
    read = plain.ok("GET", f"v1/{name}")
    path = f"v1/{name}?updateMask=displayName"

    plain.ok("PATCH", path, {"displayName": "first", "etag": read["etag"]})
    late = plain.refused("PATCH", path, {"displayName": "second", "etag": read["etag"]})
    blind = plain.ok("PATCH", path, {"displayName": "third"})

    assert late[:2] == (409, "ABORTED")
    assert blind["displayName"] == "third"
    assert blind["etag"] != read["etag"]


def test_a_region_has_only_so_many_l4s(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, l4_per_region=1)
    endpoint, model = plain.endpoint(), plain.model()
    first = plain.deploy(endpoint, model, {"0": 100})

    second = plain.deploy(endpoint, model, {"0": 100})

    assert second["error"]["code"] == 8, "RESOURCE_EXHAUSTED ends the operation, not the request"
    assert [item["id"] for item in plain.ok("GET", f"v1/{endpoint}")["deployedModels"]] == [first["id"]]


def test_versions_of_a_model_share_its_name_and_one_is_the_default(plain: Plain) -> None:
    model = plain.model("first")
    given = {"displayName": "second", "artifactUri": plain.weights(), "containerSpec": {"imageUri": "i"}}
    upload = {"parentModel": model, "model": {**given, "versionAliases": ["default", "blue"]}}

    answer = plain.done(plain.vertex("POST", "/models:upload", upload))

    assert answer["modelVersionId"] == "2"
    assert plain.ok("GET", f"v1/{model}")["versionId"] == "2", "the alias has moved"
    assert plain.ok("GET", f"v1/{model}@1")["displayName"] == "first"
    assert plain.ok("GET", f"v1/{model}@blue")["versionId"] == "2"
    versions = plain.ok("GET", f"v1/{model}:listVersions")["models"]
    assert [item["versionId"] for item in versions] == ["2", "1"]
    assert [item["versionId"] for item in plain.vertex("GET", "/models")["models"]] == ["2"]
    merged = plain.ok("POST", f"v1/{model}@1:mergeVersionAliases", {"versionAliases": ["green", "default"]})
    assert merged["versionAliases"] == ["green", "default"]
    assert plain.refused("DELETE", f"v1/{model}@1:deleteVersion")[0] == 400, "the default one stays"
    plain.done(plain.ok("DELETE", f"v1/{model}@2:deleteVersion"))
    assert plain.refused("GET", f"v1/{model}@2")[0] == 404


FILTERS: dict[str, tuple[str, list[str]]] = {
    "by display name": ('display_name="b"', ["b"]),
    "in camel case, as some clients write": ('displayName="b"', ["b"]),
    "by label": ("labels.team=blue", ["a"]),
    "a label that is there, whatever it says": ("labels.team:*", ["b", "a"]),
    "both": ('labels.team:* AND display_name="a"', ["a"]),
    "either, with brackets": ('(display_name="c" OR labels.team=blue)', ["c", "a"]),
    "not": ("NOT labels.team:*", ["c"]),
    "unequal": ('display_name!="c"', ["b", "a"]),
    "nothing asked": ("", ["c", "b", "a"]),
}


@pytest.mark.parametrize("reason", FILTERS)
def test_lists_are_filtered_and_newest_first(plain: Plain, reason: str) -> None:
    expression, expected = FILTERS[reason]
    for name, labels in (("a", {"team": "blue"}), ("b", {"team": "red"}), ("c", {})):
        plain.done(plain.vertex("POST", "/endpoints", {"displayName": name, "labels": labels}))

    found = plain.ok("GET", f"v1/{plain.location}/endpoints", params={"filter": expression})["endpoints"]

    assert [item["displayName"] for item in found] == expected


def test_pages_show_everything_once_though_things_come_and_go_between_them(plain: Plain) -> None:
    names = [plain.endpoint(f"e{n}") for n in range(5)]
    first = plain.ok("GET", f"v1/{plain.location}/endpoints?pageSize=2")

    plain.done(plain.ok("DELETE", f"v1/{names[3]}"))  # the one that the token names
    plain.endpoint("new")
    rest = plain.ok("GET", f"v1/{plain.location}/endpoints", params={"pageToken": first["nextPageToken"]})

    assert [item["displayName"] for item in first["endpoints"]] == ["e4", "e3"]
    assert [item["displayName"] for item in rest["endpoints"]] == ["e2", "e1", "e0"]


@pytest.mark.parametrize(
    ("order", "expected"), [("display_name", ["a", "b", "c"]), ("display_name desc", ["c", "b", "a"])]
)
def test_lists_can_be_ordered(plain: Plain, order: str, expected: list[str]) -> None:
    for name in "bca":
        plain.endpoint(name)

    found: list[str] = []
    token = ""
    while True:
        query = {"orderBy": order, "pageSize": "1", "pageToken": token}
        page = plain.ok("GET", f"v1/{plain.location}/endpoints", params=query)
        found += [item["displayName"] for item in page["endpoints"]]
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert found == expected


def test_recommended_specs_name_a_container_and_say_whether_there_is_quota(
    emulator: RunningEmulator, plain: Plain
) -> None:
    ask = {"gcsUri": plain.weights(), "checkMachineAvailability": True, "checkUserQuota": True}

    has = plain.vertex("POST", ":recommendSpec", ask)["recommendations"][0]
    emulator.admin.project(plain.project, l4_per_region=0)
    lacks = plain.vertex("POST", ":recommendSpec", ask)["recommendations"][0]

    assert has["spec"]["containerSpec"]["imageUri"]
    assert has["userQuotaState"] == "QUOTA_STATE_USER_HAS_QUOTA"
    assert lacks["userQuotaState"] == "QUOTA_STATE_NO_USER_QUOTA"
