"""Intermediate checkpoints and list prices on the real engine, against the embedded service."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.conftest import BUCKET, PROJECT
from tests.support.emulator import HTTP, RunningEmulator
from tests.support.stack import REPOSITORY, Workspace
from vertex_tuning import checkpoints

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]


def declared(values: dict[str, Any], checkpoint: int | None = None, **tuning: Any) -> dict[str, Any]:
    """The stack with three epochs, another tuning and, if one is named, the checkpoint to serve."""
    [service] = values["services"]
    serving = {"serving": {"checkpoint": checkpoint}} if checkpoint is not None else {}
    changed = {**service, "tuning": {**service["tuning"], "epochs": 3, **tuning}, **serving}
    return {**values, "services": [changed]}


def left(emulator: RunningEmulator, output_uri: str) -> dict[int, list[str]]:
    """The objects of the intermediate checkpoints below an output folder, by number."""
    listed = HTTP.get(
        f"{emulator.url}/storage/v1/b/{BUCKET}/o",
        params={"prefix": f"{output_uri.removeprefix(f'gs://{BUCKET}/')}/"},
    ).json()
    return checkpoints.intermediate((f"gs://{BUCKET}/{item['name']}" for item in listed["items"]), output_uri)


@pytest.mark.evidence("jobs.checkpoints", side="plugin")
def test_a_checkpoint_is_served_by_number_and_the_others_are_deleted_once_it_serves(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace(declared(values))
    ran = stack.up()
    assert ran.ok, ran.text
    output = checkpoints.output_of(stack.outputs()["tickets"]["artifacts_uri"])
    numbers = list(left(emulator, output))
    assert len(numbers) == 3, "one for each epoch"
    since = emulator.admin.last_request()

    wrong = max(numbers) + 1
    stack.configure(declared(values, wrong))
    refused = stack.preview()
    assert not refused.ok
    assert f"it has {', '.join(map(str, numbers))}" in " ".join(refused.text.split())
    assert "Traceback" not in refused.text

    stack.configure(declared(values, numbers[0], keep_checkpoints="final"))
    previewed = stack.preview()
    assert "deletes the intermediate checkpoints of its own tuning once it serves" in previewed.text
    ran = stack.up()
    assert ran.ok, ran.text
    assert list(left(emulator, output)) == [numbers[0]]
    assert stack.outputs()["tickets"]["artifacts_uri"] == checkpoints.uri_of(output, numbers[0])
    answer = HTTP.get(f"{emulator.url}/v1/projects/{PROJECT}/locations/us-central1/models").json()
    assert checkpoints.uri_of(output, numbers[0]) in [model.get("artifactUri") for model in answer["models"]]
    assert stack.steps() == []
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "nothing was tuned again"
    assert stack.destroy().ok


@pytest.mark.evidence("jobs.partially-succeeded", side="plugin")
def test_a_job_that_succeeded_in_part_serves_its_weights_with_a_warning(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace(values)
    emulator.admin.fault("/tuningJobs", "job_partial", method="POST", message="the export was cut short")
    ran = stack.up()
    assert ran.ok, ran.text
    assert "succeeded in part: the export was cut short. Its weights are there" in " ".join(ran.text.split())
    assert stack.steps() == []
    assert stack.destroy().ok


@pytest.mark.evidence("prices.list", side="plugin")
@pytest.mark.evidence("prices.tokens", side="plugin")
def test_the_first_preview_of_search_prod_names_amounts_in_dollars(
    workspace: Make, emulator: RunningEmulator
) -> None:
    text = (REPOSITORY / "stacks" / "Pulumi.search-prod.yaml").read_text()
    own = {key.partition(":")[2]: value for key, value in yaml.safe_load(text)["config"].items()}
    stack = workspace(
        {**own, "target": "embedded", "project": PROJECT, "output_uri": f"gs://{BUCKET}/search-prod"}
    )
    for shared in ("teams", "environments"):
        shutil.copytree(REPOSITORY / "stacks" / shared, stack.folder / "stacks" / shared)
    shutil.copy(REPOSITORY / "stacks" / "defaults.yaml", stack.folder / "stacks")
    shutil.copytree(REPOSITORY / "data", stack.folder / "data")
    ran = stack.preview()
    assert ran.ok, ran.text
    said = " ".join(ran.text.split())
    assert "USD (list price of 2026-08-01)" in said, "the tuning"
    assert "1.15 to 3.45 USD an hour (list price of 2026-07-08)" in said, "the machines"
    assert "are older than 90 days" in said
    assert "price unknown" not in said
