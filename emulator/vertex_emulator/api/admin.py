"""The emulator's admin API under `/emulator/`. It is not Google's.

| call | what it does |
| --- | --- |
| GET /emulator/health | health, and the speed |
| GET /emulator/routes | what is served: HTTP method, template, Google's name for it |
| GET, PUT /emulator/projects/{p} | billing, services, quotas of a project (see `ProjectSettings`) |
| GET /emulator/requests?since=N | served calls with a higher number; `last` is the highest number so far |
| GET /emulator/faults | the rules in force, and how many calls each has matched |
| PUT, POST /emulator/faults | replace, or add to, the rules: `{"rules": [...]}` (see `faults.Rule`) |
| DELETE /emulator/faults | no rules |
| POST /emulator/clock | move the clock ahead: `{"ahead_s": 3600}` |
| PUT /emulator/prices | the Cloud Billing Catalog's services and SKUs (see `price_list`); empty before |
| GET /emulator/predictions | how many there were, and the seconds for each token |
| GET /emulator/jobs/{id}/progress | the training worker's own report on a tuning job |
"""

import ipaddress
import re
from typing import Annotated, Any

import msgspec

from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.faults import Rule, RuleState, Signal
from vertex_emulator.store.projects import Project, ProjectSettings
from vertex_emulator.store.resources import Kind
from vertex_emulator.wire.errors import ApiError, invalid, not_found

Json = dict[str, Any]


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request that puts faults in force."""

    rules: tuple[Rule, ...]


class Moved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request that moves the clock: never back."""

    ahead_s: Annotated[float, msgspec.Meta(ge=0)]


def health(call: Call) -> Json:
    """The health check."""
    return {"ok": True, "speed": call.service.settings.speed.value}


def _shown(project: Project) -> Json:
    settings: Json = msgspec.to_builtins(project.settings)
    return {"id": project.id, "number": str(project.number), **settings}


def get_project(call: Call) -> Json:
    """A project's settings."""
    return _shown(call.service.store.projects.get(call.params["project"]))


def put_project(call: Call) -> Json:
    """Change the given settings; earlier quota requests are discarded."""
    store = call.service.store
    project = store.projects.get(call.params["project"])
    current: Json = msgspec.to_builtins(project.settings)
    try:
        settings = msgspec.convert({**current, **(call.payload or {})}, ProjectSettings)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    for record in store.resources.children(Kind.QUOTA_PREFERENCE, project.location("global")):
        store.resources.delete(record.name)
    return _shown(store.projects.put(project.id, settings))


def get_requests(call: Call) -> Json:
    """The log of served calls."""
    try:
        since = int(call.query.get("since", "0"))
    except ValueError:
        raise invalid("since must be a number.") from None
    log = call.service.requests
    return {"last": log.last, "requests": msgspec.to_builtins(log.since(since))}


def move_clock(call: Call) -> Json:
    """Move the clock ahead, as if so many seconds had passed; training takes its time as before."""
    try:
        moved = msgspec.convert(call.payload, Moved)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    call.service.ahead_s += moved.ahead_s
    call.service.wake()
    return {"ahead_s": call.service.ahead_s}


def _faults(states: list[RuleState]) -> Json:
    return {"rules": [{**msgspec.to_builtins(state.rule), "matched": state.matched} for state in states]}


def get_faults(call: Call) -> Json:
    """The rules in force."""
    return _faults(call.service.faults.states())


def put_faults(call: Call) -> Json:
    """Replace the rules."""
    call.service.faults.replace(_rules(call))
    return get_faults(call)


def post_faults(call: Call) -> Json:
    """Add rules."""
    call.service.faults.add(_rules(call))
    return get_faults(call)


def delete_faults(call: Call) -> Json:
    """Drop all rules."""
    call.service.faults.replace(())
    return get_faults(call)


def _rules(call: Call) -> tuple[Rule, ...]:
    try:
        rules = msgspec.convert(call.payload, Rules).rules
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    if any(isinstance(rule.action, Signal) for rule in rules) and not _local(call):
        raise ApiError(7, "Signals can only be requested from the machine that the emulator runs on.")
    return rules


def _local(call: Call) -> bool:
    client = call.request.client
    return client is not None and ipaddress.ip_address(client.host).is_loopback


def progress(call: Call) -> Json:
    """The worker's report as it wrote it."""
    job_id = call.params["job"]
    record = call.service.store.resources.tuning_job(job_id) if re.fullmatch(r"\d+", job_id) else None
    folder = record.private.get("folder") if record else None
    if folder is None:
        raise not_found(f"The progress of tuning job {job_id}")
    try:
        found: Json = msgspec.json.decode((call.service.store.data / folder / "progress.json").read_bytes())
    except FileNotFoundError:
        raise not_found(f"The progress of tuning job {job_id}") from None
    return found


def predictions(call: Call) -> Json:
    """The time of predictions."""
    return call.service.predictor.timings.shown()


OWN = "the emulator's own"
ROUTES: tuple[Route, ...] = (
    books("GET", "/emulator/health", OWN, health),
    books("GET", "/emulator/projects/{project=*}", OWN, get_project),
    books("PUT", "/emulator/projects/{project=*}", OWN, put_project),
    books("GET", "/emulator/requests", OWN, get_requests),
    books("GET", "/emulator/faults", OWN, get_faults),
    books("PUT", "/emulator/faults", OWN, put_faults),
    books("POST", "/emulator/faults", OWN, post_faults),
    books("DELETE", "/emulator/faults", OWN, delete_faults),
    books("POST", "/emulator/clock", OWN, move_clock),
    books("GET", "/emulator/predictions", OWN, predictions),
    books("GET", "/emulator/jobs/{job}/progress", OWN, progress),
)
