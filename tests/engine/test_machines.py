"""Containers, logs and machines of a service's whole life, on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.support.emulator import RunningEmulator
from tests.support.plain import Json, Plain
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine
Make = Callable[..., Workspace]


def served(emulator: RunningEmulator, stack: Workspace) -> tuple[Json, Json]:
    """What is deployed on the endpoint of `tickets`, and the model that it was registered as."""
    google = Plain(emulator.url, PROJECT)
    endpoint = google.ok("GET", f"v1beta1/{stack.outputs()['tickets']['endpoint']}")
    [deployed] = endpoint["deployedModels"]
    return deployed, google.ok("GET", f"v1beta1/{deployed['model']}")


def edited(values: dict[str, Any], tuning: Json | None = None, serving: Json | None = None) -> dict[str, Any]:
    [service] = values["services"]
    changed = {**service, "tuning": {**service["tuning"], **(tuning or {})}, "serving": serving or {}}
    return {**values, "services": [changed]}


@pytest.mark.evidence("serving.logging-off", side="plugin")
def test_a_roll_out_that_copies_the_container_serves_the_new_weights(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace(values)
    since = emulator.admin.last_request()
    first = stack.up()
    assert first.ok, first.text
    deployed, old = served(emulator, stack)
    assert deployed["enableContainerLogging"], "Model Garden's one call leaves it off"
    assert emulator.admin.count("POST", ":mutateDeployedModel", since) == 1
    assert f"--model={old['artifactUri']}" in old["containerSpec"]["args"]
    emulator.admin.fault(r":recommendSpec", "fail_before", method="POST", times=None, status=404)
    two = {"machine_type": "g2-standard-24", "accelerator_type": "NVIDIA_L4", "accelerator_count": 2}
    stack.configure(edited(values, tuning={"epochs": 2}, serving=two))

    second = stack.up()

    assert second.ok, second.text
    deployed, new = served(emulator, stack)
    assert new["artifactUri"] == stack.outputs()["tickets"]["artifacts_uri"] != old["artifactUri"]
    assert new["containerSpec"] == {
        **old["containerSpec"],
        "args": [
            *old["containerSpec"]["args"][:-2],
            f"--model={new['artifactUri']}",
            "--tensor-parallel-size=2",
        ],
    }, "whole, but for the weights and the machine"
    assert deployed["enableContainerLogging"]
    instance = {"prompt": "Ticket 1: charged twice.\nTeam:", "max_tokens": 4, "raw_response": True}
    vertex = connect(Connection(endpoint=emulator.url))
    answer = vertex.serving.ask(stack.outputs()["tickets"]["endpoint"], [instance])
    assert answer.model.partition("@")[0] == new["name"].partition("@")[0]
    assert stack.steps() == []


@pytest.mark.evidence("serving.psc-in-one-call", side="plugin")
def test_to_zero_privately_and_without_logs(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    serving: Json = {
        "min_replicas": 0,
        "max_replicas": 2,
        "scale_to_zero": {"idle_scaledown_period": 900},
        "private_service_connect": ["caller-project"],
        "container_logging": False,
        "request_response_logging": {"table": "bq://acme-dev.logs.tickets", "sampling_rate": 0.5},
    }
    stack = workspace(edited(values, serving=serving))
    since = emulator.admin.last_request()

    ran = stack.up()

    assert ran.ok, ran.text
    google = Plain(emulator.url, PROJECT)
    endpoint = google.ok("GET", f"v1beta1/{stack.outputs()['tickets']['endpoint']}")
    [deployed] = endpoint["deployedModels"]
    assert deployed["dedicatedResources"] == {
        "machineSpec": {
            "machineType": "g2-standard-12",
            "acceleratorType": "NVIDIA_L4",
            "acceleratorCount": 1,
        },
        "maxReplicaCount": 2,
        "initialReplicaCount": 1,
        "scaleToZeroSpec": {"idleScaledownPeriod": "900s"},
    }
    assert "enableContainerLogging" not in deployed
    assert endpoint["privateServiceConnectConfig"]["projectAllowlist"] == ["caller-project"]
    logs = endpoint["predictRequestResponseLoggingConfig"]
    assert logs["bigqueryDestination"] == {"outputUri": "bq://acme-dev.logs.tickets"}
    calls = {
        call: emulator.admin.count("POST", call, since) for call in (":deploy", ":deployModel", "/endpoints")
    }
    assert calls == {":deploy": 1, ":deployModel": 0, "/endpoints": 0}, "by the one call alone"

    name = stack.outputs()["tickets"]["endpoint"]
    stack.configure(
        edited(values, serving={**serving, "container_logging": True, "request_response_logging": None})
    )
    again = stack.up()

    assert again.ok, again.text
    assert stack.outputs()["tickets"]["endpoint"] == name, "callers keep their address"
    endpoint = google.ok("GET", f"v1beta1/{name}")
    assert endpoint["deployedModels"][0]["enableContainerLogging"]
    assert endpoint["deployedModels"][0]["id"] == deployed["id"], "nothing was deployed anew"
    assert "predictRequestResponseLoggingConfig" not in endpoint
    assert stack.steps() == []
