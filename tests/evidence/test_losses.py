"""The loss of a job: its experiment leads to a TensorBoard that has the curves."""

import json
from typing import Any

import pytest
from google.cloud.aiplatform_v1beta1 import MetadataServiceClient, TensorboardServiceClient
from google.cloud.aiplatform_v1beta1.types import ReadTensorboardTimeSeriesDataRequest

from tests.support.emulator import RunningEmulator
from tests.support.google import rest
from tests.support.plain import Plain
from vertex_tuning.vertex import Connection, connect


@pytest.fixture
def job(plain: Plain) -> dict[str, Any]:
    """A job with validation data that has ended."""
    rows = [{"prompt": f"{n}+1=", "completion": f" {n + 1}"} for n in range(40)]
    for name, some in (("losses.jsonl", rows), ("check.jsonl", rows[:4])):
        plain.put(name, "".join(json.dumps(row) + "\n" for row in some).encode())
    given = {
        "trainingDatasetUri": f"gs://{plain.bucket}/losses.jsonl",
        "validationDatasetUri": f"gs://{plain.bucket}/check.jsonl",
    }
    return plain.ended(plain.tune(spec={**given, "hyperParameters": {"epochCount": "3"}}))


@pytest.mark.evidence("jobs.experiment", side="service")
def test_googles_clients_read_the_losses_that_training_had(plain: Plain, job: dict[str, Any]) -> None:
    metadata, boards = (
        rest(client, plain.url) for client in (MetadataServiceClient, TensorboardServiceClient)
    )

    context = metadata.get_context(name=job["experiment"])
    board = context.metadata["backing_tensorboard_resource"]
    [run] = boards.list_tensorboard_runs(parent=f"{board}/experiments/{job['experiment'].rpartition('/')[2]}")
    series = {each.display_name: each.name for each in boards.list_tensorboard_time_series(parent=run.name)}
    request = ReadTensorboardTimeSeriesDataRequest(tensorboard_time_series=series["train/loss"])
    values = boards.read_tensorboard_time_series_data(request).time_series_data.values

    assert set(series) == {"train/loss", "eval/loss"}
    assert [value.step for value in values] == [step * values[0].step for step in (1, 2, 3)]
    assert values[2].scalar.value < values[0].scalar.value, "it learned something"


@pytest.mark.evidence("jobs.experiment", side="plugin")
def test_the_plugin_reads_both_curves(plain: Plain, job: dict[str, Any], emulator: RunningEmulator) -> None:
    jobs = connect(Connection(endpoint=plain.url)).jobs
    since = emulator.admin.last_request()

    losses = jobs.losses(job["experiment"])

    assert losses is not None
    assert (len(losses.training), len(losses.validation)) == (3, 3)
    assert len(emulator.admin.requests(since)) == 4, "experiment, runs, series, points"
    jobs.losses(job["experiment"])
    assert len(emulator.admin.requests(since)) == 5, "where they are is known from then on"


def test_a_validation_loss_that_appears_later_is_found(
    plain: Plain, job: dict[str, Any], emulator: RunningEmulator
) -> None:
    jobs = connect(Connection(endpoint=plain.url)).jobs
    place, _, number = job["experiment"].partition("/metadataStores/default/contexts/")
    run = f"{place}/tensorboards/1/experiments/{number}/runs/run"
    series = plain.ok("GET", f"v1beta1/{run}/timeSeries")["tensorboardTimeSeries"]
    early = [each for each in series if each["displayName"] == "train/loss"]
    emulator.admin.fault(
        "/timeSeries",
        "odd_answer",
        method="GET",
        body=json.dumps({"tensorboardTimeSeries": early}),
        content_type="application/json",
    )

    first, second = (jobs.losses(job["experiment"]) for _ in range(2))

    assert first is not None
    assert second is not None
    assert (len(first.training), len(first.validation)) == (3, 0)
    assert (len(second.training), len(second.validation)) == (3, 3)


@pytest.mark.parametrize(
    "experiment",
    ["", "projects/p/locations/us-central1/metadataStores/default/contexts/tuning-experiment-1", "x"],
)
def test_an_experiment_that_leads_nowhere_has_no_losses(plain: Plain, experiment: str) -> None:
    assert connect(Connection(endpoint=plain.url)).jobs.losses(experiment) is None
