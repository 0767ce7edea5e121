"""A stack's whole life on the real engine: up, edits, drift, failure, destroy."""

from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]


def submitted(emulator: RunningEmulator, since: int) -> int:
    return emulator.admin.count("POST", "/tuningJobs", since)


def edited(values: dict[str, Any], **tuning: Any) -> dict[str, Any]:
    [service] = values["services"]
    return {**values, "services": [{**service, "tuning": {**service["tuning"], **tuning}}]}


def with_service(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    [service] = values["services"]
    return {**values, "services": [{**service, **changes}]}


def test_from_a_file_to_an_answer_and_back(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, snapshot: SnapshotAssertion
) -> None:
    since = emulator.admin.last_request()
    stack = workspace(values)

    first = stack.up()
    assert first.ok, first.text
    served = stack.outputs()["tickets"]
    assert served["settled"] is True
    vertex = connect(Connection(endpoint=emulator.url))
    instance = {"prompt": "Ticket 1: charged twice.\nTeam:", "max_tokens": 4, "raw_response": True}
    answer = vertex.serving.ask(served["endpoint"], [instance])
    old = stack.resource("DeployedModel")
    assert answer.deployed_model_id == old["deployed_id"]
    assert isinstance(answer.predictions[0], str)

    again = stack.up()
    assert again.ok, again.text
    assert stack.last_changes() == {}, "a second up changes nothing"
    assert submitted(emulator, since) == 1

    stack.configure(with_service(values, labels={"cost-centre": "a1"}))
    assert [str(step) for step in stack.steps()] == ["update Endpoint tickets-endpoint (labels)"]

    stack.configure(edited(values, epochs=2))
    assert [str(step) for step in stack.steps()] == snapshot
    changed = stack.up()
    assert changed.ok, changed.text
    new = stack.resource("DeployedModel")
    endpoint = vertex.serving.endpoint(served["endpoint"])
    assert endpoint is not None
    assert [deployed.id for deployed in endpoint.deployed] == [new["deployed_id"]], "the old one is gone"
    assert endpoint.traffic == {new["deployed_id"]: 100}
    assert submitted(emulator, since) == 2

    weights = stack.outputs()["tickets"]["artifacts_uri"]
    gone = stack.destroy()
    assert gone.ok, gone.text
    assert vertex.serving.endpoint(served["endpoint"]) is None
    assert vertex.jobs.active(values["project"], values["region"]) == ()
    assert vertex.storage.listed(weights), "the weights are kept"

    back = stack.up()
    assert back.ok, back.text
    assert submitted(emulator, since) == 2, "weights that are there are not paid for again"
    attributes = list((stack.folder / "state").rglob("*.attrs"))
    assert attributes == [], "a kill can leave one empty, and then no command reads the state"


def test_without_waiting_each_up_goes_one_step_on(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace({**values, "wait": False})
    since = emulator.admin.last_request()
    phases = []
    for _ in range(30):
        ran = stack.up()
        assert ran.ok, ran.text
        outputs = stack.outputs()["tickets"]
        phases.append(outputs["phase"])
        if outputs["settled"]:
            break
    assert phases[0] == "blocked", "the first up returns while the job runs"
    assert phases[-1] == "ready", phases
    assert stack.steps() == []
    assert submitted(emulator, since) == 1


def test_a_failed_job_stays_and_is_not_paid_for_again_unasked(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    since = emulator.admin.last_request()
    stack = workspace(values)
    emulator.admin.fault(
        r"/tuningJobs(\?|$)", "job_failure", method="POST", message="the data centre is on fire"
    )
    failed = stack.up()
    assert not failed.ok
    assert "the data centre is on fire" in failed.text
    assert "Traceback" not in failed.text
    assert stack.resource("TuningJob")["job"], "the failed job is in the state"

    again = stack.up()
    assert not again.ok
    assert "set attempt one higher" in again.text
    assert submitted(emulator, since) == 1

    stack.configure(edited(values, attempt=2))
    mended = stack.up()
    assert mended.ok, mended.text
    assert submitted(emulator, since) == 2


def test_drift_is_read_back_named_and_mended_without_tuning_again(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace(values)
    first = stack.up()
    assert first.ok, first.text
    since = emulator.admin.last_request()
    served, deployed = stack.outputs()["tickets"], stack.resource("DeployedModel")
    vertex = connect(Connection(endpoint=emulator.url))

    by_hand = vertex.serving.undeploy(served["endpoint"], deployed["deployed_id"], {})
    assert by_hand is not None
    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.text
    assert stack.resource("DeployedModel")["phase"] == "absent"
    assert [(step.operation, step.kind) for step in stack.steps()] == [("update", "DeployedModel")]
    mended = stack.up()
    assert mended.ok, mended.text

    deployed = stack.resource("DeployedModel")
    live = vertex.serving.endpoint(served["endpoint"])
    assert live is not None
    vertex.serving.patch_endpoint(served["endpoint"], labels={**live.labels, "by": "hand"})
    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.text
    assert [str(step) for step in stack.steps()] == ["update Endpoint tickets-endpoint (labels)"]
    mended = stack.up()
    assert mended.ok, mended.text
    assert stack.steps() == []
    assert submitted(emulator, since) == 0


def test_scaling_changes_in_place(workspace: Make, values: dict[str, Any], emulator: RunningEmulator) -> None:
    stack = workspace(values)
    assert stack.up().ok
    before = stack.resource("DeployedModel")
    stack.configure(with_service(values, serving={"min_replicas": 1, "max_replicas": 3}))
    assert [str(step) for step in stack.steps()] == [
        "update DeployedModel tickets-deployed (max_replicas, price)"
    ]
    changed = stack.up()
    assert changed.ok, changed.text
    endpoint = connect(Connection(endpoint=emulator.url)).serving.endpoint(
        stack.outputs()["tickets"]["endpoint"]
    )
    assert endpoint is not None
    [live] = endpoint.deployed
    assert (live.id, live.max_replicas) == (before["deployed_id"], 3)
