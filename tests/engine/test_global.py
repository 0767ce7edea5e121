"""Tuned at global and served elsewhere, on the real engine; and a model that the catalogue does not know."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.catalog import GLOBAL
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
NEWER = "google/gemma5@gemma-5-4b-it"


def edited(values: dict[str, Any], serving: dict[str, Any] | None = None, **tuning: Any) -> dict[str, Any]:
    [service] = values["services"]
    changed = {**service, "tuning": {**service["tuning"], **tuning}}
    return {**values, "services": [{**changed, **({"serving": serving} if serving else {})}]}


@pytest.mark.evidence("jobs.global-makes-a-regional-job", side="plugin")
@pytest.mark.evidence("serving.any-region", side="plugin")
def test_tuned_at_global_and_served_in_another_region(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    vertex, since = connect(Connection(endpoint=emulator.url)), emulator.admin.last_request()
    serving = {"region": "europe-west1"}
    stack = workspace(edited(values, serving, location=GLOBAL))

    first = stack.up()
    assert first.ok, first.text
    served = stack.outputs()["tickets"]
    assert served["job"].split("/")[3] == GLOBAL
    assert served["endpoint"].split("/")[3] == "europe-west1"
    assert len(vertex.jobs.labelled(PROJECT, "us-central1", {})) == 1, "Google's second, regional job"

    for epochs in (2, 3):
        stack.configure(edited(values, serving, location=GLOBAL, epochs=epochs))
        rolled_out = stack.up()
        assert rolled_out.ok, rolled_out.text
    assert stack.outputs()["tickets"]["endpoint"] == served["endpoint"]
    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.text
    assert stack.steps() == [], "nothing is left to do"

    stack.configure(edited(values, {"region": "us-west1"}, location="us-west1", epochs=3))
    moved = stack.up()
    assert moved.ok, moved.text
    assert stack.outputs()["tickets"]["endpoint"].split("/")[3] == "us-west1"
    assert vertex.serving.endpoint(served["endpoint"]) is None, "the old endpoint is removed"
    assert emulator.admin.count("POST", "/tuningJobs", since) == 3, "a move tunes nothing again"

    endpoint = stack.outputs()["tickets"]["endpoint"]
    gone = stack.destroy()
    assert gone.ok, gone.text
    assert vertex.serving.endpoint(endpoint) is None


def test_a_model_that_the_catalogue_does_not_know(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    emulator.admin.project(PROJECT, unlisted_models=[NEWER], not_at_global=[NEWER])
    stack = workspace(edited(values, location=GLOBAL, base_model=NEWER))
    refused = stack.preview()
    assert not refused.ok
    assert "base_model_unlisted: true accepts a newer one" in refused.text

    stack.configure(edited(values, location=GLOBAL, base_model=NEWER, base_model_unlisted=True))
    ran = stack.up()
    assert ran.ok, ran.text
    assert f"{NEWER} with FULL is not in the catalogue of" in ran.text
    assert f"not tuned at {GLOBAL} but in us-central1" in ran.text
    assert stack.outputs()["tickets"]["job"].split("/")[3] == "us-central1"
    gone = stack.destroy()
    assert gone.ok, gone.text
