"""The kinds of resources, each as calls to a Google service."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]
_POLICIES = threading.Lock()
"""Members of one policy are added one after the other, as by the real plugin: the service refuses a lost update."""


class Refused(Exception):
    """The service said no."""


class Gone(Refused):
    """The service knows no such thing."""


@dataclass(frozen=True)
class Rest:
    """The services, under the addresses that the plugin's configuration gives."""

    config: Mapping[str, str]
    client: httpx.Client

    def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        v1: bool = False,
        **query: str,
    ) -> Json:
        """One call below the service's custom endpoint, or below version 1 of the same service."""
        base = self.config[f"{service}CustomEndpoint"]
        if v1:
            base = base.replace("/v1beta1/", "/v1/")
        headers = {"Authorization": f"Bearer {self.config['accessToken']}"}
        answer = self.client.request(method, f"{base}{path}", json=body, params=query, headers=headers)
        if answer.is_success:
            found: Json = answer.json() if answer.content else {}
            return found
        message = answer.json()["error"]["message"]
        raise (Gone if answer.status_code == httpx.codes.NOT_FOUND else Refused)(
            f"{answer.status_code} {message}"
        )


@dataclass(frozen=True)
class Kind:
    """What the plugin does with one type of resource.

    Attributes:
        replaces: inputs that a resource cannot change in place.
        create: makes it and gives its id.
        read: gives the properties of what has this id; raises ``Gone``.
        update: changes it in place, from these inputs.
        delete: undoes it, from the properties in the state.
    """

    replaces: tuple[str, ...]
    create: Callable[[Rest, Json], str]
    read: Callable[[Rest, str, Json], Json]
    update: Callable[[Rest, str, Json], None]
    delete: Callable[[Rest, str, Json], None]


def _nothing(_rest: Rest, _id: str, _properties: Json) -> None:
    """Nothing exists outside that could be changed."""


def _create_service(rest: Rest, given: Json) -> str:
    name = f"projects/{given['project']}/services/{given['service']}"
    rest.call("serviceUsage", "POST", f"{name}:enable", {}, v1=True)
    return f"{given['project']}/{given['service']}"


def _read_service(rest: Rest, id_: str, properties: Json) -> Json:
    project, _, service = id_.partition("/")
    found = rest.call("serviceUsage", "GET", f"projects/{project}/services/{service}", v1=True)
    if found["state"] != "ENABLED":
        raise Gone(f"{service} is off")
    return {"disableOnDestroy": True, **properties, "project": project, "service": service}


def _delete_service(rest: Rest, id_: str, properties: Json) -> None:
    if properties.get("disableOnDestroy", True):
        project, _, service = id_.partition("/")
        rest.call("serviceUsage", "POST", f"projects/{project}/services/{service}:disable", {}, v1=True)


def _create_bucket(rest: Rest, given: Json) -> str:
    body = {
        "name": given["name"],
        "location": given["location"].upper(),
        "labels": given.get("labels", {}),
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": given.get("uniformBucketLevelAccess", False)},
            "publicAccessPrevention": given.get("publicAccessPrevention", "inherited"),
        },
    }
    made: str = rest.call("storage", "POST", "b", body, project=given["project"])["name"]
    return made


def _read_bucket(rest: Rest, id_: str, properties: Json) -> Json:
    found = rest.call("storage", "GET", f"b/{id_}")
    project = rest.call("resourceManager", "GET", f"projects/{found['projectNumber']}")
    access = found["iamConfiguration"]
    return {
        "forceDestroy": properties.get("forceDestroy", False),
        "name": found["name"],
        "project": project["projectId"],
        "projectNumber": int(found["projectNumber"]),
        "location": found["location"],
        "labels": found.get("labels", {}),
        "uniformBucketLevelAccess": access["uniformBucketLevelAccess"]["enabled"],
        "publicAccessPrevention": access["publicAccessPrevention"],
        "url": f"gs://{found['name']}",
    }


def _update_bucket(rest: Rest, id_: str, given: Json) -> None:
    rest.call("storage", "PATCH", f"b/{id_}", {"labels": given.get("labels", {})})


def _delete_bucket(rest: Rest, id_: str, properties: Json) -> None:
    if rest.call("storage", "GET", f"b/{id_}/o", maxResults="1").get("items") and not properties.get(
        "forceDestroy"
    ):
        raise Refused(f"bucket {id_} holds objects and forceDestroy is not set")
    rest.call("storage", "DELETE", f"b/{id_}")


def _change_member(rest: Rest, properties: Json, *, there: bool) -> None:
    path, role, member = f"b/{properties['bucket']}/iam", properties["role"], properties["member"]
    with _POLICIES:
        policy = rest.call("storage", "GET", path)
        members = {b["role"]: set(b["members"]) for b in policy["bindings"]}
        members[role] = members.get(role, set()) | {member} if there else members.get(role, set()) - {member}
        bindings = [{"role": role, "members": sorted(who)} for role, who in sorted(members.items())]
        rest.call("storage", "PUT", path, {"etag": policy["etag"], "bindings": bindings})


def _create_member(rest: Rest, given: Json) -> str:
    _change_member(rest, given, there=True)
    return "/".join(("b", given["bucket"], given["role"], given["member"]))


def _read_member(rest: Rest, _id: str, properties: Json) -> Json:
    policy = rest.call("storage", "GET", f"b/{properties['bucket']}/iam")
    for binding in policy["bindings"]:
        if binding["role"] == properties["role"] and properties["member"] in binding["members"]:
            return {**properties, "etag": policy["etag"]}
    raise Gone(f"{properties['member']} does not have {properties['role']}")


def _delete_member(rest: Rest, _id: str, properties: Json) -> None:
    _change_member(rest, properties, there=False)


def _change_project(rest: Rest, properties: Json, *, there: bool) -> None:
    path, role, member = f"projects/{properties['project']}", properties["role"], properties["member"]
    with _POLICIES:
        policy = rest.call("resourceManager", "POST", f"{path}:getIamPolicy", {})
        members = {b["role"]: set(b["members"]) for b in policy.get("bindings", [])}
        members[role] = members.get(role, set()) | {member} if there else members.get(role, set()) - {member}
        bindings = [{"role": role, "members": sorted(who)} for role, who in sorted(members.items()) if who]
        changed = {"etag": policy["etag"], "bindings": bindings}
        rest.call("resourceManager", "POST", f"{path}:setIamPolicy", {"policy": changed})


def _create_project_member(rest: Rest, given: Json) -> str:
    _change_project(rest, given, there=True)
    return "/".join((given["project"], given["role"], given["member"]))


def _read_project_member(rest: Rest, _id: str, properties: Json) -> Json:
    policy = rest.call("resourceManager", "POST", f"projects/{properties['project']}:getIamPolicy", {})
    for binding in policy.get("bindings", []):
        if binding["role"] == properties["role"] and properties["member"] in binding["members"]:
            return {**properties, "etag": policy["etag"]}
    raise Gone(f"{properties['member']} does not have {properties['role']}")


def _delete_project_member(rest: Rest, _id: str, properties: Json) -> None:
    _change_project(rest, properties, there=False)


def _create_agents(rest: Rest, given: Json) -> str:
    parent: str = given["parent"]
    made = rest.call("workloadIdentity", "POST", f"{parent}:generateServiceAgents", {})
    assert made["done"], made
    return parent


def _read_agents(_rest: Rest, _id: str, properties: Json) -> Json:
    return properties  # what was made on request is never taken back, and cannot be listed


_PREFERENCE = ("service", "quotaId", "contactEmail", "justification", "dimensions")


def _create_preference(rest: Rest, given: Json) -> str:
    body = {key: given[key] for key in (*_PREFERENCE, "quotaConfig") if key in given}
    path = f"{given['parent']}/locations/global/quotaPreferences"
    rest.call("cloudQuotas", "POST", path, body, quotaPreferenceId=given["name"])
    return f"{path}/{given['name']}"


def _read_preference(rest: Rest, id_: str, _properties: Json) -> Json:
    found = rest.call("cloudQuotas", "GET", id_)
    parent, _, name = id_.partition("/locations/global/quotaPreferences/")
    kept = {key: found[key] for key in _PREFERENCE if found.get(key)}
    return {
        **kept,
        "name": name,
        "parent": parent,
        "quotaConfig": found["quotaConfig"],
        "reconciling": found.get("reconciling", False),
    }


def _update_preference(rest: Rest, id_: str, given: Json) -> None:
    body = {key: given[key] for key in (*_PREFERENCE, "quotaConfig") if key in given}
    rest.call("cloudQuotas", "PATCH", id_, body)


KINDS = {
    "gcp:projects/service:Service": Kind(
        ("project", "service"), _create_service, _read_service, _nothing, _delete_service
    ),
    "gcp:iam/workloadIdentityServiceAgent:WorkloadIdentityServiceAgent": Kind(
        ("parent",), _create_agents, _read_agents, _nothing, _nothing
    ),
    "gcp:storage/bucket:Bucket": Kind(
        ("name", "project", "location"), _create_bucket, _read_bucket, _update_bucket, _delete_bucket
    ),
    "gcp:storage/bucketIAMMember:BucketIAMMember": Kind(
        ("bucket", "role", "member"), _create_member, _read_member, _nothing, _delete_member
    ),
    "gcp:projects/iAMMember:IAMMember": Kind(
        ("project", "role", "member"),
        _create_project_member,
        _read_project_member,
        _nothing,
        _delete_project_member,
    ),
    "gcp:cloudquota/sQuotaPreference:SQuotaPreference": Kind(
        ("parent", "name", "service", "quotaId"),
        _create_preference,
        _read_preference,
        _update_preference,
        _nothing,
    ),
}


def changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The inputs that differ from what is there; the case of a location and what is computed do not count."""
    return sorted(key for key, value in news.items() if not _same(olds.get(key), value))


def _same(there: Any, wanted: Any) -> bool:
    if isinstance(there, dict) and isinstance(wanted, dict) and wanted:
        return all(_same(there.get(key), value) for key, value in wanted.items())
    if isinstance(there, str) and isinstance(wanted, str):
        return there.lower() == wanted.lower()
    return bool(there == wanted)
