"""The loop of look, decide, act, with an outside that follows a script."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.declared import OUTPUT, PROJECT, REGION
from tests.support.fake import FakeVertex
from vertex_tuning.lifecycle import Context, NotReady, Observation, Phase, ResourceInputs
from vertex_tuning.lifecycle.settle import settle
from vertex_tuning.vertex.claim import HeldClaim
from vertex_tuning.vertex.claims import ClaimChanged
from vertex_tuning.vertex.errors import (
    InvalidRequest,
    NoCapacity,
    PermissionMissing,
    QuotaExceeded,
    Transient,
    VertexError,
)


class Script:
    """An external whose looks, and answers to steps, are written down; the last look repeats."""

    def __init__(
        self, *looks: Phase | VertexError, steps: tuple[VertexError | None, ...] = (), in_line: bool = False
    ) -> None:
        self.waits_in_line = in_line
        self.looks, self.steps = list(looks), list(steps)
        self.taken: list[str] = []
        self.claims: list[HeldClaim | None] = []

    def observe(self, context: Context, inputs: ResourceInputs, held: HeldClaim | None) -> Observation:
        self.claims.append(held)
        phase = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(phase, VertexError):
            raise phase
        self.taken.append(phase.value)
        return Observation(phase, reason=f"it is {phase.value}")

    def submit(self, context: Context, inputs: ResourceInputs, held: HeldClaim | None) -> HeldClaim | None:
        self.taken.append("step")
        refused = self.steps.pop(0) if self.steps else None
        if refused is not None:
            raise refused
        return held

    def update(
        self, context: Context, _before: Mapping[str, Any], inputs: ResourceInputs, held: HeldClaim | None
    ) -> None:
        raise AssertionError("settling never updates")

    def delete(self, context: Context, inputs: ResourceInputs, held: HeldClaim | None) -> bool:
        raise AssertionError("settling never deletes")


def run(
    fake: FakeVertex, script: Script, *, wait: bool = True, held: HeldClaim | None = None
) -> tuple[Phase, list[str]]:
    said: list[str] = []
    inputs = ResourceInputs(
        project=PROJECT, region=REGION, output_uri=OUTPUT, service="s", owner="o", wait=wait
    )
    seen = settle(
        script, fake.context_for(OUTPUT), inputs, held, said.append, lambda: script.taken.append("undo")
    )
    return seen.phase, said


def test_it_takes_each_step_and_waits_for_its_end(fake: FakeVertex) -> None:
    script = Script(Phase.ABSENT, Phase.PENDING, Phase.PENDING, Phase.PARTIAL, Phase.READY)
    phase, said = run(fake, script)
    assert phase is Phase.READY
    assert script.taken == ["absent", "step", "pending", "pending", "partial", "step", "ready"]
    assert said == ["it is pending (waited 0 s)", "it is pending (waited 0 s)"]


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.BLOCKED])
def test_without_waiting_it_returns_when_it_is_another_s_turn(fake: FakeVertex, phase: Phase) -> None:
    script = Script(Phase.ABSENT, phase)
    assert run(fake, script, wait=False)[0] is phase
    assert script.taken == ["absent", "step", phase.value]


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.LOST])
@pytest.mark.parametrize("wait", [True, False])
def test_what_does_not_mend_itself_fails_with_its_reason(
    fake: FakeVertex, phase: Phase, *, wait: bool
) -> None:
    with pytest.raises(NotReady, match=f"it is {phase.value}"):
        run(fake, script := Script(phase), wait=wait)
    assert script.taken == [phase.value, "undo"]


def test_a_used_up_quota_is_waited_for_where_that_makes_sense(fake: FakeVertex) -> None:
    full = QuotaExceeded("one job at once")
    script = Script(Phase.ABSENT, Phase.ABSENT, Phase.READY, steps=(full, None), in_line=True)
    phase, said = run(fake, script)
    assert phase is Phase.READY
    assert script.taken.count("step") == 2
    assert said == ["waits in line: one job at once (waited 0 s)"]


def test_without_waiting_a_place_in_line_is_a_reason_to_return(fake: FakeVertex) -> None:
    script = Script(Phase.ABSENT, steps=(QuotaExceeded("one job at once"),), in_line=True)
    assert run(fake, script, wait=False)[0] is Phase.BLOCKED


def test_a_region_without_machines_is_asked_again_with_growing_pauses(fake: FakeVertex) -> None:
    none = NoCapacity("out of capacity")
    script = Script(*[Phase.ABSENT] * 6, Phase.READY, steps=(none,) * 5)
    began = fake.clock.time()
    phase, said = run(fake, script)
    assert phase is Phase.READY
    assert script.taken.count("step") == 6
    assert "undo" not in script.taken
    assert said[0].startswith(
        "waits for capacity, for 30 min 0 s more at most; nothing is billed meanwhile: out"
    )
    longest = 15 + 30 + 60 + 120 + 120
    assert 0.75 * longest <= fake.clock.time() - began <= 1.25 * longest


def test_a_region_that_stays_without_machines_is_given_up_in_time(fake: FakeVertex) -> None:
    script = Script(Phase.ABSENT, steps=(NoCapacity("out of capacity"),) * 99)
    began = fake.clock.time()
    with pytest.raises(NoCapacity, match=r"out of capacity\. Asked again for 30 min 0 s; nothing was billed"):
        run(fake, script)
    assert script.taken[-1] == "undo"
    assert fake.clock.time() - began == pytest.approx(1800)


def test_two_who_are_refused_at_once_do_not_ask_again_at_once(fake: FakeVertex) -> None:
    ends = set()
    for _ in range(8):
        began = fake.clock.time()
        run(fake, Script(Phase.ABSENT, Phase.ABSENT, Phase.READY, steps=(NoCapacity("none"),)))
        ends.add(fake.clock.time() - began)
    assert len(ends) > 1


def test_without_waiting_a_lack_of_machines_is_left_to_the_next_run(fake: FakeVertex) -> None:
    script = Script(Phase.ABSENT, steps=(NoCapacity("out of capacity"),))
    assert run(fake, script, wait=False)[0] is Phase.BLOCKED
    assert script.taken == ["absent", "step"]


@pytest.mark.parametrize(
    ("refused", "undone"),
    [
        pytest.param(
            QuotaExceeded("no L4"), ["undo"], id="machines that bill by the hour are not waited for"
        ),
        pytest.param(InvalidRequest("no such model"), ["undo"], id="the same request stays wrong"),
        pytest.param(Transient("gone"), [], id="what may have been done is left to the next run"),
    ],
)
def test_a_refused_step_fails_at_once(fake: FakeVertex, refused: VertexError, undone: list[str]) -> None:
    script = Script(Phase.ABSENT, steps=(refused,))
    with pytest.raises(type(refused), match=str(refused)):
        run(fake, script)
    assert script.taken == ["absent", "step", *undone]


def test_a_look_that_fails_undoes_nothing(fake: FakeVertex) -> None:
    script = Script(Phase.PENDING, PermissionMissing("no role"))
    with pytest.raises(PermissionMissing):
        run(fake, script)
    assert script.taken == ["pending"], "what is under way may well succeed"


def test_after_each_pause_the_claim_is_read_anew(fake: FakeVertex) -> None:
    claims = fake.context_for(OUTPUT).claims
    held = claims.take("K/1", "o", "mine")
    claims.take("K/1", "o", "renewed")
    script = Script(Phase.PENDING, Phase.READY)
    run(fake, script, held=held)
    assert [seen.claim.token for seen in script.claims if seen] == ["mine", "renewed"]


def test_a_step_upset_by_another_s_write_is_looked_at_again(fake: FakeVertex) -> None:
    script = Script(Phase.ABSENT, Phase.READY, steps=(ClaimChanged("someone was faster"),))
    assert run(fake, script)[0] is Phase.READY
    assert script.taken == ["absent", "step", "ready"]


def test_pauses_grow_up_to_the_longest_one(fake: FakeVertex) -> None:
    began = fake.clock.time()
    script = Script(*[Phase.PENDING] * 40, Phase.READY)
    run(fake, script)
    assert 27 * 15 < fake.clock.time() - began < 40 * 15, "most of them are 15 s, the first are not"


def test_a_long_wait_is_polled_less_often_and_its_end_is_seen_within_a_minute(fake: FakeVertex) -> None:
    pauses, sleep = list[float](), fake.clock.sleep

    def slept(seconds: float) -> None:
        pauses.append(seconds)
        sleep(seconds)

    fake.clock.sleep = slept  # type: ignore[method-assign]
    run(fake, Script(*[Phase.PENDING] * 400, Phase.READY))
    first_minutes = [pause for n, pause in enumerate(pauses) if sum(pauses[:n]) < 600]
    assert max(first_minutes) == 15.0
    assert pauses[-1] == max(pauses) == 60.0
    assert pauses == sorted(pauses), "never shorter again"
