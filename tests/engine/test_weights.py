"""Weights on disk become the base of a tuning: folder → bucket → ``custom_base_model`` → a model that answers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
BASE = "meta/llama3_1@llama-3.1-8b"


def weights(*arguments: str, endpoint: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from vertex_tuning.cli import main; main()", "weights", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GOOGLE_", "VERTEX_"))}
    if endpoint:
        environment["VERTEX_TUNING_ENDPOINT"] = endpoint
    return subprocess.run(
        [*command, "--base-model", BASE], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(workspace: Make, values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path) -> Path:
    """A checkpoint that the embedded service has tuned, on disk."""
    stack = workspace({**values, "services": [{**values["services"][0], "serve": False}]})
    ran = stack.up()
    assert ran.ok, ran.text
    storage, found = connect(Connection(endpoint=emulator.url)).storage, tmp_path / "ours"
    found.mkdir()
    for blob in storage.listed(stack.outputs()["tickets"]["artifacts_uri"]):
        storage.download(blob.uri, found / blob.uri.rsplit("/", 1)[1])
    return found


def test_from_a_folder_to_a_base_that_is_tuned_and_answers(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, folder: Path
) -> None:
    target = f"{values['output_uri']}-bases/ours"

    refused = weights("check", str(folder))
    assert refused.returncode == 1
    assert "a model of the embedded Vertex AI, not Llama 3.1 8B" in refused.stderr

    pushed = weights("push", str(folder), target, endpoint=emulator.url)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout == f"{target}\n"
    again = weights("push", str(folder), target, "--json", endpoint=emulator.url)
    assert {file["sent"] for file in json.loads(again.stdout)["files"]} == {False}

    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    since = emulator.admin.last_request()
    refused = weights("push", str(folder), f"{target}-2", endpoint=emulator.url)
    assert refused.returncode == 1
    assert "pytorch_model.bin: is a pickle" in refused.stderr
    assert emulator.admin.requests(since) == [], "nothing is asked while something is wrong"

    [service] = values["services"]
    tuning = {**service["tuning"], "custom_base_model": target}
    output = f"{values['output_uri']}-from-ours"
    stack = workspace({**values, "output_uri": output, "services": [{**service, "tuning": tuning}]})
    ran = stack.up()
    assert ran.ok, ran.text
    endpoint = stack.outputs()["tickets"]["endpoint"]
    instance = {"prompt": "Ticket 1: charged twice.\nTeam:", "max_tokens": 4, "raw_response": True}
    answer = connect(Connection(endpoint=emulator.url)).serving.ask(endpoint, [instance])
    assert isinstance(answer.predictions[0], str)
