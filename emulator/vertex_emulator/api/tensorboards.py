"""The loss of tuning jobs, as Vertex AI shows it: a job's experiment leads to a TensorBoard with its curves.

Only reading is served, and only of what tuning jobs write.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from vertex_emulator.api.common import Json, Scope, scope
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.jobs import regional
from vertex_emulator.jobs.tuning import EXPERIMENT
from vertex_emulator.store.resources import Record
from vertex_emulator.wire.errors import invalid, not_found
from vertex_emulator.wire.proto import render
from vertex_emulator.wire.times import rfc3339

TENSORBOARD = "1"
"""The id of the one TensorBoard of a location."""
RUN = "run"
_SERIES = {"1": ("train/loss", "training"), "2": ("eval/loss", "validation")}
"""Id of a time series → its name, and its key in a job's points."""


class _Point(NamedTuple):
    step: int
    value: float


def get_context(call: Call) -> Json:
    """The experiment of a job."""
    where = scope(call)
    record = _job(call, where, call.params["context"])
    started = record.body["startTime"]
    return render(
        call.version,
        "Context",
        {
            "name": record.body["experiment"],
            "displayName": call.params["context"],
            "schemaTitle": "system.Experiment",
            "schemaVersion": "0.0.1",
            "createTime": started,
            "updateTime": started,
            "metadata": {"experiment_deleted": False, "backing_tensorboard_resource": _tensorboard(where)},
        },
    )


def list_runs(call: Call) -> Json:
    """The one run of an experiment."""
    where = scope(call)
    record = _job(call, where, call.params["experiment"])
    run = {"name": f"{_experiment(call, where)}/runs/{RUN}", "displayName": RUN}
    run["createTime"] = record.body["startTime"]
    return render(call.version, "ListTensorboardRunsResponse", {"tensorboardRuns": [run]})


def list_series(call: Call) -> Json:
    """The losses of a run; that of the validation data only where a job has some."""
    where = scope(call)
    _require_run(call)
    record = _job(call, where, call.params["experiment"])
    found = [
        {
            "name": f"{_experiment(call, where)}/runs/{RUN}/timeSeries/{series}",
            "displayName": name,
            "valueType": "SCALAR",
        }
        for series, (name, _) in _SERIES.items()
        if list(_points(record, series))
    ]
    return render(call.version, "ListTensorboardTimeSeriesResponse", {"tensorboardTimeSeries": found})


def read(call: Call) -> Json:
    """The points of one time series."""
    where = scope(call)
    _require_run(call)
    record = _job(call, where, call.params["experiment"])
    data = _data(record, call.params["series"])
    return render(call.version, "ReadTensorboardTimeSeriesDataResponse", {"timeSeriesData": data})


def batch_read(call: Call) -> Json:
    """The points of several time series of one TensorBoard."""
    where = scope(call)
    names = call.request.query_params.getlist("timeSeries")
    if not names:
        raise invalid("Required field is not set: time_series")
    pattern = re.compile(
        re.escape(_tensorboard(where)) + r"/experiments/([^/]+)/runs/([^/]+)/timeSeries/([^/]+)"
    )
    data = []
    for name in names:
        # A caller may name the project by its id: its number stands in our names.
        found = pattern.fullmatch(re.sub(r"^projects/[^/]+", f"projects/{where.project.number}", name))
        if found is None or found[2] != RUN:
            raise not_found(name)
        data.append(_data(_job(call, where, found[1]), found[3]))
    return render(call.version, "BatchReadTensorboardTimeSeriesDataResponse", {"timeSeriesData": data})


def _tensorboard(where: Scope) -> str:
    return f"{where.parent}/tensorboards/{TENSORBOARD}"


def _experiment(call: Call, where: Scope) -> str:
    return f"{_tensorboard(where)}/experiments/{call.params['experiment']}"


def _job(call: Call, where: Scope, experiment: str) -> Record:
    """The job of an experiment; one at `global` has its experiment in the region where it runs."""
    job_id = experiment.removeprefix(EXPERIMENT)
    found = call.service.store.resources.tuning_job(job_id) if job_id.isdigit() else None
    named = f"/contexts/{experiment}"
    told = call.params.get("tensorboard", TENSORBOARD)
    if (
        found is None
        or told != TENSORBOARD
        or regional.parent_of(found) != where.parent
        or not found.body.get("experiment", "").endswith(named)
    ):
        raise not_found(experiment)
    return found


def _require_run(call: Call) -> None:
    if call.params["run"] != RUN:
        raise not_found(call.params["run"])


def _data(record: Record, series: str) -> Json:
    if series not in _SERIES:
        raise not_found(series)
    wall_time = rfc3339(record.created)
    return {
        "tensorboardTimeSeriesId": series,
        "valueType": "SCALAR",
        "values": [
            {"step": str(point.step), "wallTime": wall_time, "scalar": {"value": point.value}}
            for point in _points(record, series)
        ],
    }


def _points(record: Record, series: str) -> Iterator[_Point]:
    key = _SERIES[series][1]
    for point in record.private.get("losses", []):
        if point[key] is not None:
            yield _Point(point["step"], point[key])


_PARENT = "/{version}/projects/{project}/locations/{location}"
_TENSORBOARDS = "google.cloud.aiplatform.TensorboardService"
_BOARD = f"{_PARENT}/tensorboards/{{tensorboard}}"
_RUNS = f"{_BOARD}/experiments/{{experiment}}/runs"
_ALL_SERIES = f"{_RUNS}/{{run}}/timeSeries"
ROUTES: tuple[Route, ...] = (
    books(
        "GET",
        f"{_PARENT}/metadataStores/{{store}}/contexts/{{context}}",
        "google.cloud.aiplatform.MetadataService.GetContext",
        get_context,
    ),
    books("GET", _RUNS, f"{_TENSORBOARDS}.ListTensorboardRuns", list_runs),
    books("GET", _ALL_SERIES, f"{_TENSORBOARDS}.ListTensorboardTimeSeries", list_series),
    books("GET", f"{_ALL_SERIES}/{{series}}:read", f"{_TENSORBOARDS}.ReadTensorboardTimeSeriesData", read),
    books("GET", f"{_BOARD}:batchRead", f"{_TENSORBOARDS}.BatchReadTensorboardTimeSeriesData", batch_read),
)
