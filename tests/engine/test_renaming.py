"""A service that gets another name in the stack file keeps everything that it has, on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine


def renamed(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    [service] = values["services"]
    return {**values, "services": [{**service, **changes}]}


def test_a_rename_moves_the_state_and_nothing_else(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator
) -> None:
    names = {"endpoint_display_name": "Tickets", "model_display_name": "Tickets"}
    values = renamed(values, serving=names)
    stack = workspace(values)
    first = stack.up()
    assert first.ok, first.text
    since, before = emulator.admin.last_request(), stack.outputs()["tickets"]

    stack.configure(renamed(values, name="inbox", renamed_from="tickets"))
    assert stack.steps() == [], "no resource is made, replaced or deleted"
    moved = stack.up()
    assert moved.ok, moved.text
    assert stack.outputs() == {"inbox": before}
    assert not any("tickets-" in resource["urn"] for resource in stack.state())

    assert stack.up().ok
    assert stack.last_changes() == {}, "the word may stay in the file for ever"
    stack.configure(renamed(values, name="mail", renamed_from=["tickets", "inbox"]))
    assert stack.steps() == [], "and be followed by another"
    stack.configure(renamed(values, renamed_from=["tickets", "inbox"]))
    assert stack.steps() == [], "or lead back to where it came from"

    stack.configure(renamed(values, name="inbox"))
    moved_away = {step.kind for step in stack.steps() if step.operation == "replace"}
    assert "Endpoint" in moved_away, "without the word it is another service"
    asked = [entry for entry in emulator.admin.requests(since) if entry["method"] != "GET"]
    assert asked == [], "and nobody was asked for anything"
