"""Every phase, with and without waiting, has one decision; the table is the whole function."""

import pytest

from vertex_tuning.lifecycle.phases import Decision, Phase, decide

TABLE: list[tuple[Phase, Decision, Decision, str]] = [
    (Phase.ABSENT, Decision.SUBMIT, Decision.SUBMIT, "it can be asked for, and asking does not wait"),
    (
        Phase.PARTIAL,
        Decision.SUBMIT,
        Decision.SUBMIT,
        "the step that is left is ours, whether we wait or not",
    ),
    (Phase.PENDING, Decision.WAIT, Decision.SETTLED, "it is under way: Google's turn"),
    (
        Phase.BLOCKED,
        Decision.WAIT,
        Decision.SETTLED,
        "what comes before it is not ready: another resource's turn",
    ),
    (Phase.READY, Decision.SETTLED, Decision.SETTLED, "there is nothing left to do"),
    (Phase.FAILED, Decision.STOP, Decision.STOP, "waiting does not mend it, and trying again may cost money"),
    (Phase.LOST, Decision.STOP, Decision.STOP, "making it again costs money: that needs a word"),
]


def test_the_table_has_every_phase_once() -> None:
    assert [phase for phase, *_ in TABLE] == sorted(Phase, key=[phase for phase, *_ in TABLE].index)
    assert len(TABLE) == len(Phase)


@pytest.mark.parametrize(("phase", "waiting", "not_waiting", "reason"), TABLE, ids=[row[0] for row in TABLE])
def test_decisions(phase: Phase, waiting: Decision, not_waiting: Decision, reason: str) -> None:
    assert decide(phase, wait=True) == waiting, reason
    assert decide(phase, wait=False) == not_waiting, reason
