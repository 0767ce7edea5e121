"""Where callers ask: a dedicated endpoint and a shared one, through edits that put other models on them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.emulator import HTTP, RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

QUESTION = "Ticket 1: charged twice.\nTeam:"
ACCOUNT = "server@test-project.iam.gserviceaccount.com"
KINDS = {"tickets": {}, "mails": {"dedicated": False}}
"""Services, and what each serving says of its kind: the default and a shared one."""


def answers(address: str) -> dict[str, Any]:
    """What each form answers at an address, asked as docs/call.md shows it."""
    instance = {"prompt": QUESTION, "max_tokens": 4, "temperature": 0, "raw_response": True}
    predicted = HTTP.post(f"{address}:predict", json={"instances": [instance]})
    raw = HTTP.post(f"{address}:rawPredict", json={"instances": [instance]})
    client = openai.OpenAI(base_url=address, api_key="unused", max_retries=0)
    chat = client.chat.completions.create(
        model="", messages=[{"role": "user", "content": QUESTION}], max_tokens=4, temperature=0
    )
    assert raw.json()["predictions"] == predicted.json()["predictions"]
    assert chat.choices[0].finish_reason in {"stop", "length"}
    found: dict[str, Any] = predicted.json()
    return found


@pytest.mark.evidence("serving.openai-form", "serving.dedicated-by-default", side="plugin")
def test_the_address_stays_when_an_option_is_added(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text(json.dumps({"prompt": QUESTION, "expected": "zebra"}) + "\n")
    evaluation = {"prompts": str(prompts), "threshold": 0.0, "max_tokens": 4}
    [service] = values["services"]

    def declared(**option: Any) -> dict[str, Any]:
        services = [{**service, "name": n, "serving": {**kind, **option}} for n, kind in KINDS.items()]
        return {**values, "services": services}

    stack = workspace(declared())
    first = stack.up()
    assert first.ok, first.text
    served = stack.outputs()
    before = {name: served[name]["address"] for name in KINDS}
    assert before == {
        "tickets": f"{emulator.dedicated}/v1beta1/{served['tickets']['endpoint']}",
        "mails": f"{emulator.url}/v1beta1/{served['mails']['endpoint']}",
    }
    models = {name: answers(address)["model"] for name, address in before.items()}
    for name in KINDS:
        assert predict(stack, served[name]["endpoint"])["model"] == models[name]

    stack.configure(declared(service_account=ACCOUNT, evaluation=evaluation))
    ran = stack.up()
    assert ran.ok, ran.text

    assert {name: found["address"] for name, found in stack.outputs().items() if name in KINDS} == before
    for name, address in before.items():
        assert answers(address)["model"] != models[name], "another deployment answers there"
    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.text
    read = {
        found["outputs"]["address"]
        for found in stack.state()
        if found["type"].endswith(("Endpoint", "DeployedModel"))
    }
    assert read == set(before.values())


def predict(stack: Workspace, endpoint: str) -> dict[str, Any]:
    code = "from vertex_tuning.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code, "predict", endpoint, "-p", QUESTION, "--max-tokens", "4", "--json"],
        env={**stack.environment, "PYTHONPATH": ":".join(sys.path)},
        cwd=stack.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
