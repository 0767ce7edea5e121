"""A paid call that is answered with something odd is looked for, and never made twice: on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

CASES = [
    ("/tuningJobs", "<html>busy</html>", "text/html", "a page in the place of a tuning job"),
    (":deploy", "{}", "application/json", "a deployment without a name"),
]


@pytest.mark.parametrize(("path", "body", "kind", "what"), CASES, ids=[case[3] for case in CASES])
def test_an_odd_answer_to_a_paid_call_pays_once(
    workspace: Callable[..., Workspace],
    values: dict[str, Any],
    emulator: RunningEmulator,
    path: str,
    body: str,
    kind: str,
    what: str,
) -> None:
    stack, since = workspace(values), emulator.admin.last_request()
    emulator.admin.fault(f"{path}(\\?|$)", "odd_answer", method="POST", body=body, content_type=kind)

    ran = stack.up()

    assert ran.ok, ran.text
    assert emulator.admin.faults()[0]["matched"] >= 1, "it was answered so"
    made = [emulator.admin.count("POST", call, since) for call in ("/tuningJobs", ":deploy")]
    assert made == [1, 1], what
    assert stack.steps() == []
