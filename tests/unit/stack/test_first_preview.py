"""The first preview of every stack of this repository names amounts in USD, and what they rest on."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from vertex_tuning import cost
from vertex_tuning.plan import Place, plan
from vertex_tuning.stack import STRUCTURED, load

ROOT = Path(__file__).resolve().parents[3]
STACKS = sorted(path.stem.removeprefix("Pulumi.") for path in (ROOT / "stacks").glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("stack", STACKS)
def test_amounts_are_in_dollars(stack: str) -> None:
    written: dict[str, Any] = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]
    own = {key.removeprefix("vertex-tuning:"): value for key, value in written.items()}
    assert {key for key, value in own.items() if not isinstance(value, str)} <= set(STRUCTURED)
    embedded = own.get("target") == "embedded"
    environment = {"VERTEX_TUNING_ENDPOINT": "http://127.0.0.1:1"} if embedded else {}
    loaded = load(stack, json.loads(json.dumps(own)), environment, root=ROOT, working_folder=ROOT)
    for service in loaded.services:
        planned = plan(service.spec, Place("p", stack), service.datasets, loaded.prices)
        line = cost.tuning(
            planned.declared["job"]["base_model"],
            planned.declared["job"]["mode"],
            1,
            planned.declared["job"]["billed_tokens"],
            planned.declared["job"]["price"],
        )
        assert "USD (list price of 2026-08-01)" in line
        spot = service.spec.serving.spot
        if "deployed" in planned.declared and not spot:
            assert "list price of 2026-07-08" in planned.declared["deployed"]["price"]
        assert ("unknown" in planned.estimate.told()["monthly"]) == (spot and service.spec.serve), (
            "spot has none"
        )
