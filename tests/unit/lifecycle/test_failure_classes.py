"""Each failure class does what its row says: named by Google's answer, looked at again or not, stepped or not."""

from typing import Any

import google.api_core.exceptions
import pytest
import stamina

from tests.support.fake import FakeVertex
from tests.unit.lifecycle.test_settle import Script, run
from vertex_tuning.lifecycle import Phase
from vertex_tuning.lifecycle.ends import ENDS
from vertex_tuning.vertex import errors
from vertex_tuning.vertex.errors import VertexError, of_http
from vertex_tuning.vertex.failures import FAILURES, Failure, Look, Step, step_after
from vertex_tuning.vertex.retry import looked_up, once

api: Any = google.api_core.exceptions  # it carries no types
ROWS = pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.kind.__name__)


def test_every_class_has_a_row_and_every_row_is_reached() -> None:
    classes = {
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, VertexError) and found is not VertexError
    } - {
        errors.FailedPrecondition
    }  # an InvalidRequest in all that the table says; one place asks for it by name
    assert {row.kind for row in FAILURES} == classes
    assert len(FAILURES) == len(classes)


@ROWS
def test_the_example_is_of_its_class(row: Failure) -> None:
    found = of_http(row.status, row.message)
    assert type(found) is row.kind
    assert str(found) == row.message, "Google's own words"


@ROWS
def test_a_look_is_tried_again_or_not(row: Failure) -> None:
    calls = 0

    def call() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise api.from_http_status(row.status, row.message)
        return "answer"

    with stamina.set_testing(True, attempts=2):
        if row.look is not Look.ONCE:
            assert looked_up(call) == "answer"
        else:
            with pytest.raises(row.kind):
                looked_up(call)
    assert calls == (1 if row.look is Look.ONCE else 2)


@ROWS
def test_a_step_that_may_bill_is_never_repeated_blindly(row: Failure) -> None:
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        raise api.from_http_status(row.status, row.message)

    with pytest.raises(row.kind):
        once(call)
    assert calls == 1


TAKEN = {
    # what follows for a resource that waits in line, and for one that does not
    Step.FAILS: (["absent", "step", "undo"], ["absent", "step", "undo"]),
    Step.LINE: (["absent", "step", "absent", "step", "ready"], ["absent", "step", "undo"]),
    Step.ASKS: (["absent", "step", "absent", "step", "ready"],) * 2,
    Step.LOOKS: (["absent", "step", "absent", "step", "ready"],) * 2,
    Step.LEFT: (["absent", "step"], ["absent", "step"]),
}


@ROWS
@pytest.mark.parametrize("in_line", [True, False], ids=["waits in line", "does not"])
def test_what_follows_a_refused_step(fake: FakeVertex, row: Failure, *, in_line: bool) -> None:
    refused = of_http(row.status, row.message)
    script = Script(Phase.ABSENT, Phase.ABSENT, Phase.READY, steps=(refused, None), in_line=in_line)
    expected = TAKEN[row.step][0 if in_line else 1]
    if expected[-1] == "ready":
        assert run(fake, script)[0] is Phase.READY
    else:
        with pytest.raises(row.kind):
            run(fake, script)
    assert script.taken == expected


@ROWS
def test_without_waiting_what_can_be_waited_for_is_left_to_the_next_run(
    fake: FakeVertex, row: Failure
) -> None:
    refused = of_http(row.status, row.message)
    script = Script(Phase.ABSENT, steps=(refused,), in_line=True)
    if row.step in (Step.LINE, Step.ASKS, Step.LOOKS):
        assert run(fake, script, wait=False)[0] is Phase.BLOCKED
    else:
        with pytest.raises(row.kind):
            run(fake, script, wait=False)


def test_an_error_of_no_row_fails_at_once() -> None:
    for end in ENDS:
        if not issubclass(end.kind, errors.Transient):
            assert step_after(end.kind("x"), in_line=True) is Step.FAILS
