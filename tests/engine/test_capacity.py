"""A region that has no machines free for a while, on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine


def test_a_deployment_waits_for_machines_and_says_so(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator
) -> None:
    stack = workspace(values)
    since = emulator.admin.last_request()
    for call, steps in ((r":deploy(\?|$)", 1), (":deployModel", 0)):
        full: dict[str, Any] = {
            "code": 8,
            "message": "The region us-central1 is out of capacity.",
            "after_steps": steps,
        }
        emulator.admin.fault(call, "operation_failure", method="POST", **full)

    ran = stack.up()

    assert ran.ok, ran.text
    asked = (
        emulator.admin.count("POST", ":deploy", since),
        emulator.admin.count("POST", ":deployModel", since),
    )
    assert asked == (1, 2), "asked, asked again on what the first had made, and deployed"
    assert stack.outputs()["tickets"]["phase"] == "ready"
    assert stack.steps() == []
