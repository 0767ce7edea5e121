"""A new model proves itself before callers get it, and then gets them step by step: on the real engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine


def test_what_fails_its_evaluation_is_taken_back_and_what_passes_goes_step_by_step(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.jsonl"
    asked = [{"prompt": f"Ticket {n}: charged twice.\nTeam:", "expected": "zebra"} for n in range(4)]
    file.write_text("".join(json.dumps(each) + "\n" for each in asked))

    def declared(epochs: int, threshold: float) -> dict[str, Any]:
        [service] = values["services"]
        evaluation = {"prompts": str(file), "threshold": threshold, "max_tokens": 4}
        serving = {"evaluation": evaluation, "canary": {"steps": [50], "wait": "1s"}}
        tuning = {**service["tuning"], "epochs": epochs}
        return {**values, "services": [{**service, "tuning": tuning, "serving": serving}]}

    stack, vertex = workspace(declared(1, 0.0)), connect(Connection(endpoint=emulator.url))
    first = stack.up()
    assert first.ok, first.text
    assert "evaluation: score 0 over 4 answers, at least 0 is asked for" in first.text
    served = stack.outputs()["tickets"]
    assert served["verdict"] == {"score": 0, "n": 4, "threshold": 0}

    def traffic() -> list[int]:
        live = vertex.serving.endpoint(served["endpoint"])
        assert live is not None
        return [live.traffic.get(deployed.id, 0) for deployed in live.deployed]

    old = stack.resource("DeployedModel")["deployed_id"]
    stack.configure(declared(2, 1.0))
    refused = stack.up()
    assert not refused.ok
    assert (
        "evaluation: score 0 over 4 answers, at least 1 is asked for; the new model is undeployed"
        in refused.text
    )
    assert "Traceback" not in refused.text
    assert traffic() == [100]
    assert stack.resource("DeployedModel")["deployed_id"] == old
    place = values["project"], values["region"]
    assert [e.name for e in vertex.serving.endpoints(*place) if e.name.endswith("-eval")] == []

    again = stack.preview()
    assert again.ok, again.text
    assert (
        "this model failed its last evaluation: score 0 over 4 answers, at least 1 was asked for; "
        "it is deployed and evaluated anew, and at least 1 is asked for now" in again.text
    )
    stack.configure(declared(1, 0.0))
    assert stack.up().ok
    rejected = stack.outputs()["tickets"]["rejected"]
    assert rejected == {"score": 0, "n": 4, "threshold": 1, "model": rejected["model"]}
    assert rejected["model"] != stack.resource("DeployedModel")["model_id"]

    stack.configure(declared(2, 0.0))
    passed = stack.up()
    assert passed.ok, passed.text
    assert "canary: 50 % of the traffic, for 1s" in passed.text
    assert traffic() == [100]
    assert stack.resource("DeployedModel")["deployed_id"] != old
    assert stack.resource("DeployedModel")["model_id"] == rejected["model"]
    assert stack.outputs()["tickets"]["rejected"] is None, "it has passed"
