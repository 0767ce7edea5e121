"""Saved plans, renamed stacks, forced replacements and services inside other components, on the real engine."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
NESTED = """
import json, os
import pulumi
from vertex_tuning import TunedModelService


class Platform(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("acme:index:Platform", name)
        service = json.loads(os.environ["NESTED_SERVICE"])
        TunedModelService(opts=pulumi.ResourceOptions(parent=self), **service)


Platform("platform")
"""


def edited(values: dict[str, Any], **tuning: Any) -> dict[str, Any]:
    [service] = values["services"]
    return {**values, "services": [{**service, "tuning": {**service["tuning"], **tuning}}]}


def test_a_saved_plan_lets_its_up_through(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace(values)
    for number, wanted in enumerate((values, edited(values, epochs=2))):
        stack.configure(wanted)
        saved = stack.run("preview", "--save-plan", f"{number}.json")
        assert saved.ok, saved.text
        ran = stack.up("--plan", f"{number}.json")
        assert ran.ok, ran.text
    unchanged = stack.preview()
    assert unchanged.ok
    assert "[unknown]" not in unchanged.text


def test_a_forced_replacement_says_that_the_model_is_left(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace(values)
    assert stack.up().ok
    before = stack.resource("DeployedModel")["deployed_id"]
    [urn] = [each["urn"] for each in stack.state() if each["type"].endswith("vertex:DeployedModel")]

    ran = stack.up("--replace", urn)

    assert ran.ok, ran.text
    assert "serves already and is left as it is" in ran.text
    assert stack.resource("DeployedModel")["deployed_id"] == before


def test_a_renamed_stack_keeps_what_it_has(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace(values)
    assert stack.up().ok
    endpoint = stack.outputs()["tickets"]["endpoint"]
    renamed = stack.run("stack", "rename", "demo-two")
    assert renamed.ok, renamed.text
    stack = Workspace(stack.folder, stack.endpoint, stack.plugins, stack.plugin_settings, stack="demo-two")

    stack.configure({**values, "stack_renamed_from": "test"})

    assert stack.steps() == []
    assert stack.up().ok
    assert stack.outputs()["tickets"]["endpoint"] == endpoint


def test_a_service_inside_a_component_has_its_own_lines(
    workspace: Make, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    [service] = values["services"]
    place = {key: values[key] for key in ("project", "region", "output_uri")}
    monkeypatch.setenv("NESTED_SERVICE", json.dumps({**place, **service, "serve": False}))
    stack = workspace(program=NESTED)

    ran = stack.run("preview", "--json", "--show-sames")

    assert ran.ok, ran.text
    found = json.loads(ran.text[ran.text.index("{") :])
    declared = {step["urn"] for step in found["steps"]}
    said = {
        line["urn"]
        for line in found.get("diagnostics", [])
        if "paid tuning" in line["message"] or "starts a paid tuning" in line["message"]
    }
    assert said
    assert said <= declared, "the lines belong to resources that exist"
    assert all("acme:index:Platform$" in urn for urn in said)
