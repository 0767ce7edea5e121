"""A distilled model on the real engine: tuned on a teacher's answers, served, left alone, taken down."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.support.emulator import HTTP, RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine
TEACHER = "deepseek-ai/deepseek-v3.2-maas"


def test_a_distilled_model_from_preview_to_destroy(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator
) -> None:
    [service] = values["services"]
    tuning = {**service["tuning"], "base_model": "qwen/qwen3@qwen3-4b", "distillation": {"teacher": TEACHER}}
    stack = workspace({**values, "services": [{**service, "tuning": tuning}]})

    preview = stack.preview()
    assert f"the answers of {TEACHER} are billed separately" in preview.text
    up = stack.up()
    assert up.ok, up.text
    outputs = json.loads(stack.run("stack", "output", "--json", "--show-secrets").text)["tickets"]
    labelled = outputs["lineage"]["labelled"]
    assert labelled.startswith(f"gs://{BUCKET}/")
    name = labelled.removeprefix(f"gs://{BUCKET}/").replace("/", "%2F")
    assert HTTP.get(f"{emulator.url}/storage/v1/b/{BUCKET}/o/{name}?alt=media").text.count("completion") > 0
    assert outputs["lineage"]["teacher"] == TEACHER
    again = stack.up()
    assert again.ok, again.text
    assert stack.steps() == []
    assert stack.destroy().ok
