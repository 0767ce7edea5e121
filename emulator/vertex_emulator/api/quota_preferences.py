"""Cloud Quotas v1: requests for more, or less, than a project may use."""

import re
import uuid
from typing import Any

import msgspec

from vertex_emulator.api.common import Json, check_etag, mask_fields
from vertex_emulator.api.quotas import quota_project
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.quota import SERVING_QUOTAS, TUNING_QUOTA, serving_quota, tuning_quota
from vertex_emulator.store.projects import VERTEX_API, Project
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import exists, invalid, not_found, unimplemented
from vertex_emulator.wire.times import etag, rfc3339

_ID = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]|[0-9a-f]{32}")
_CHANGEABLE = frozenset({"quotaConfig", "justification", "contactEmail"})


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    preferred_value: int
    annotations: dict[str, str] = {}


class _Given(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A QuotaPreference from a request; output-only fields are ignored."""

    service: str
    quota_id: str
    quota_config: _Config
    dimensions: dict[str, str] = {}
    justification: str = ""
    contact_email: str = ""
    etag: str = ""
    name: str = ""
    create_time: Any = None
    update_time: Any = None
    reconciling: Any = None


def create(call: Call) -> Json:
    """Request a quota; it is granted later, up to the project's `quota_grant_limit`."""
    project = quota_project(call)
    arguments = call.arguments("quotaPreferenceId", "ignoreSafetyChecks")
    return _create(call, project, arguments.get("quotaPreferenceId") or uuid.uuid4().hex, call.payload or {})


def _create(call: Call, project: Project, preference_id: str, payload: Json) -> Json:
    if not _ID.fullmatch(preference_id):
        raise invalid(f"Invalid quota preference id '{preference_id}'.")
    parent = project.location("global")
    name = f"{parent}/quotaPreferences/{preference_id}"
    if call.service.store.resources.find(name) is not None:
        raise exists(name)
    body, private = _asked(call, project, _given(payload))
    for other in call.service.store.resources.children(Kind.QUOTA_PREFERENCE, parent):
        if (other.body["quotaId"], other.body["dimensions"]) == (body["quotaId"], body["dimensions"]):
            raise exists(f"A preference for {body['quotaId']} with these dimensions, {other.name},")
    now = call.service.now()
    body |= {"name": name, "createTime": rfc3339(now)}
    record = call.service.store.resources.insert(
        Kind.QUOTA_PREFERENCE, parent, name, body, now=now, private=private
    )
    return _shown(call, record)


def update(call: Call) -> Json:
    """Ask for another value; with `allowMissing` for a first one."""
    project = quota_project(call)
    arguments = call.arguments("updateMask", "allowMissing", "validateOnly", "ignoreSafetyChecks")
    payload, preference_id = call.payload or {}, call.params["preference"]
    record = call.service.store.resources.find(_name(project, preference_id))
    if record is None:
        if arguments.get("allowMissing") != "true":
            raise not_found(_name(project, preference_id))
        return _create(call, project, preference_id, payload)
    check_etag(payload, record)
    fields = _CHANGEABLE & payload.keys()
    if mask := arguments.get("updateMask"):
        heads = ",".join(path.partition(".")[0] for path in mask.split(","))
        fields &= mask_fields(heads, _CHANGEABLE)
    changed = {key: record.body[key] for key in ("service", "quotaId", "dimensions", "quotaConfig")}
    body, private = _asked(call, project, _given({**changed, **{key: payload[key] for key in fields}}))
    private["before"] = _granted(call, record)
    record.body |= body
    record.private = private
    if arguments.get("validateOnly") != "true":
        call.service.store.resources.save(record)
    return _shown(call, record)


def _given(payload: Json) -> _Given:
    try:
        return msgspec.convert(payload, _Given, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid quota preference: {error}") from None


def _asked(call: Call, project: Project, given: _Given) -> tuple[Json, Json]:
    if given.service != VERTEX_API or given.quota_id not in {TUNING_QUOTA, *SERVING_QUOTAS}:
        raise not_found(f"Quota {given.quota_id} of service {given.service}")
    preferred, now = given.quota_config.preferred_value, call.service.now()
    if preferred < 0:
        raise invalid(f"quota_config.preferred_value must not be negative, got {preferred}.")
    if given.quota_id == TUNING_QUOTA:
        before = tuning_quota(call.service, project)
    else:
        quota = SERVING_QUOTAS[given.quota_id]
        before = serving_quota(call.service, project, quota, given.dimensions.get("region", ""))
    if preferred > before and not given.contact_email:
        raise invalid("Required field is not set: contact_email (needed to ask for more)")
    annotations = {"annotations": given.quota_config.annotations} if given.quota_config.annotations else {}
    body: Json = {
        "service": VERTEX_API,
        "quotaId": given.quota_id,
        "quotaConfig": {"preferredValue": str(preferred), **annotations},
        "dimensions": given.dimensions,
        "updateTime": rfc3339(now),
        "etag": etag(now),
        **({"justification": given.justification} if given.justification else {}),
    }
    granted = (
        preferred if preferred <= before else max(before, min(preferred, project.settings.quota_grant_limit))
    )
    private = {"granted": granted, "before": before, "settles": now + call.service.settings.speed.quota_s}
    return body, private


def _granted(call: Call, record: Record) -> int:
    settled = record.private["settles"] <= call.service.now()
    granted: int = record.private["granted"] if settled else record.private["before"]
    return granted


def _shown(call: Call, record: Record) -> Json:
    config = {**record.body["quotaConfig"], "grantedValue": str(_granted(call, record))}
    return {
        **record.body,
        "quotaConfig": config,
        "reconciling": record.private["settles"] > call.service.now(),
    }


def _name(project: Project, preference_id: str) -> str:
    return f"{project.location('global')}/quotaPreferences/{preference_id}"


def get(call: Call) -> Json:
    """One request for a quota, and what was granted."""
    name = _name(quota_project(call), call.params["preference"])
    return _shown(call, call.service.store.resources.get(name))


def list_(call: Call) -> Json:
    """The requests of a project."""
    parent = quota_project(call).location("global")
    for argument in ("filter", "orderBy"):
        if call.query.get(argument):
            raise unimplemented(f"{argument} of ListQuotaPreferences")
    records = call.service.store.resources.children(Kind.QUOTA_PREFERENCE, parent)
    shown = [_shown(call, record) for record in records]
    return pages.page(call.arguments("pageSize", "pageToken"), "quotaPreferences", shown)


_SERVICE = "google.api.cloudquotas.v1.CloudQuotas"
_ALL = "/v1/projects/{project=*}/locations/{location}/quotaPreferences"
_ONE = f"{_ALL}/{{preference}}"
ROUTES: tuple[Route, ...] = (
    books("POST", _ALL, f"{_SERVICE}.CreateQuotaPreference", create),
    books("GET", _ALL, f"{_SERVICE}.ListQuotaPreferences", list_),
    books("GET", _ONE, f"{_SERVICE}.GetQuotaPreference", get),
    books("PATCH", _ONE, f"{_SERVICE}.UpdateQuotaPreference", update),
)
