"""Tuning jobs: create, get, list, cancel. Google has no delete for them."""

import msgspec

from vertex_emulator.api.common import Json, name_in, scope
from vertex_emulator.api.listing import PLAIN, listing
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.catalog import GLOBAL
from vertex_emulator.jobs import distillation, regional, tuning
from vertex_emulator.jobs.operations import new_id
from vertex_emulator.quota import TUNING_METRIC, TUNING_QUOTA, tuning_quota
from vertex_emulator.store.projects import VERTEX_API
from vertex_emulator.store.resources import Kind, Record
from vertex_emulator.tuning_request import check_agent, check_inputs, check_request, long_name
from vertex_emulator.wire.errors import ApiError, invalid
from vertex_emulator.wire.proto import parse, render

_INPUTS = (
    "baseModel", "preTunedModel", "supervisedTuningSpec", "tunedModelDisplayName", "description",
    "customBaseModel", "outputUri", "labels", "serviceAccount", "encryptionSpec",
)  # fmt: skip
_FILTERABLE = frozenset(
    {"state", "base_model", "tuned_model_display_name", "create_time", "update_time", "end_time",
     "output_uri", "custom_base_model", "description"}
)  # fmt: skip


def create(call: Call) -> Json:
    """Submit a job. One beyond the project's quota is refused, not queued, as at Google."""
    where = scope(call, at_global=True)
    supervised, distilled = distillation.as_supervised(call.payload or {})
    given = parse(call.version, "TuningJob", supervised)
    check_request(given, where.location, where.project.settings)
    check_inputs(call.service.store, given)
    if where.project.settings.agents_need_roles:
        check_agent(call.service.store, where.project, given["outputUri"])
    quota = tuning_quota(call.service, where.project)
    running = [
        record for record in call.service.store.resources.unsettled(Kind.TUNING_JOB)
        if record.name.startswith(f"projects/{where.project.number}/")
    ]  # fmt: skip
    if len(running) >= quota:
        raise ApiError(
            8,
            "Quota exceeded for quota metric 'Global concurrent managed OSS model fine-tuning jobs per "
            "project' of service 'aiplatform.googleapis.com' for consumer "
            f"'project_number:{where.project.number}': "
            f"{quota} in all, {len(running)} in use.",
            reason="RATE_LIMIT_EXCEEDED",
            metadata={
                "service": VERTEX_API,
                "consumer": f"projects/{where.project.number}",
                "quota_metric": TUNING_METRIC,
                "quota_limit": TUNING_QUOTA,
                "quota_limit_value": str(quota),
            },
        )
    now = call.service.now()
    name = name_in(where, Kind.TUNING_JOB, new_id())
    inputs = {key: given[key] for key in _INPUTS if key in given}
    if where.location == GLOBAL:
        inputs["baseModel"] = long_name(given["baseModel"])
    fault = call.faults.job
    private = {"fault": msgspec.to_builtins(fault)} if fault else {}
    record = call.service.store.resources.insert(
        Kind.TUNING_JOB,
        where.parent,
        name,
        tuning.submitted(name, inputs, now),
        now=now,
        private={**private, **distilled, **regional.beside(where.parent)},
        due=now + call.service.settings.speed.pending_s,
    )
    call.service.wake()
    return _rendered(call, record)


def get(call: Call) -> Json:
    """One job."""
    return _rendered(call, regional.shown(*_named(call)))


def _rendered(call: Call, record: Record) -> Json:
    return distillation.shown(record, render(call.version, "TuningJob", record.body))


def list_(call: Call) -> Json:
    """The jobs of a location."""
    where = scope(call, at_global=True)
    if "labels" in call.query.get("filter", "") and not where.project.settings.label_filters:
        raise invalid(f"Invalid filter '{call.query['filter']}': jobs cannot be filtered by labels.")
    records = regional.jobs(call.service.store, where.project, where.location)
    page = listing(call, "TuningJob", "tuningJobs", records, _FILTERABLE, PLAIN)
    by_name = {record.body["name"]: record for record in records}
    return {
        **page,
        "tuningJobs": [distillation.shown(by_name[job["name"]], job) for job in page["tuningJobs"]],
    }


def cancel(call: Call) -> Json:
    """Ask a job to stop; one that has ended stays as it is."""
    record, _ = _named(call)
    if record.body["state"] in tuning.ACTIVE:
        now = call.service.now()
        tuning.cancelling(record.body, now)
        record.due = now
        call.service.store.resources.save(record)
        call.service.wake()
    return {}


def _named(call: Call) -> tuple[Record, str]:
    """A job's record, and the name by which it was called."""
    where = scope(call, at_global=True)
    name = name_in(where, Kind.TUNING_JOB, call.params["job"])
    return regional.job(call.service.store, where.project, name), name


_SERVICE = "google.cloud.aiplatform.GenAiTuningService"
_ALL = "/{version}/projects/{project}/locations/{location}/tuningJobs"
_ONE = f"{_ALL}/{{job}}"
ROUTES: tuple[Route, ...] = (
    books("POST", _ALL, f"{_SERVICE}.CreateTuningJob", create),
    books("GET", _ALL, f"{_SERVICE}.ListTuningJobs", list_),
    books("GET", _ONE, f"{_SERVICE}.GetTuningJob", get),
    books("POST", f"{_ONE}:cancel", f"{_SERVICE}.CancelTuningJob", cancel),
)
