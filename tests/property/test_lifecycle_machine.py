"""Whatever happens, in any order: once faults stop, at most three `up`s reach the declared state.

Hypothesis plays two stacks that share an output folder on the engine in miniature: edits, `up`s that
are killed or meet faults, `refresh`, `destroy`, time, and a person who changes things by hand. After
every step nothing has been paid for twice, nothing that lives for someone has been deleted or
cancelled, and what served still serves; at the end each stack reaches what its file says and, once
destroyed, leaves nothing that bills. The number of steps is printed in the summary.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.property.stacks import BAD, Stack, paid_for
from tests.support.declared import BUCKET, OUTPUT, write_examples
from tests.support.fake import Crash, FakeVertex, Fault, OperationFault, plugged
from vertex_tuning.vertex.errors import PermissionMissing, QuotaExceeded, Transient

TALLY: Counter[str] = Counter()
EXAMPLES, STEPS = 120, 20
UPS = 3
ROUNDS = 10
"""Without waiting, each `up` goes a step on: so many, with time between them, see any service through."""

REFUSED = [QuotaExceeded("too many"), PermissionMissing("no role")]
CUT_OFF = [Transient("the line went dead"), Crash()]
CALLS = ["*", "jobs.*", "jobs.create", "serving.*", "serving.deploy*", "serving.operation", "storage.*"]
OPERATIONS = ["serving.deploy", "serving.deploy_weights", "serving.upload_model", "serving.undeploy"]
EDITS: list[tuple[str, str, list[Any]]] = [
    ("tuning", "epochs", [1, 2]),
    ("tuning", "display_name", ["a", "b"]),
    ("tuning", "retry", [None, {"attempts": 2}, {"attempts": 3, "on": ["internal"]}]),
    ("name", "renamed", ["tickets", "inbox"]),
    ("service", "labels", [{}, {"team": "a"}, {"team": "b"}]),
    ("service", "wait", [True, False]),
    ("serving", "max_replicas", [1, 2]),
    ("serving", "spot", [False, True]),
    ("serving", "rollout", ["side_by_side", "recreate"]),
    ("service", "region", ["us-central1", "us-west1"]),
    ("service", "output_uri", [OUTPUT, f"{OUTPUT}-2", f"{OUTPUT}-3"]),
]

which = st.integers(0, 1)
# A refusal means that nothing was done; whether a call that was cut off had its effect is anyone's guess.
faults = st.one_of(
    st.builds(Fault, st.sampled_from(CALLS), st.sampled_from(REFUSED), nth=st.integers(1, 30)),
    st.builds(Fault, st.sampled_from(CALLS), st.sampled_from(CUT_OFF), st.booleans(), nth=st.integers(1, 30)),
)
operation_faults = st.builds(
    OperationFault,
    call=st.sampled_from(OPERATIONS),
    code=st.sampled_from([8, 9, 13, 14]),
    message=st.sampled_from(["asked for", "The region is out of capacity."]),
    after_steps=st.integers(0, 3),
)


class Lifecycle(RuleBasedStateMachine):
    """The rules."""

    folder: Any

    @initialize(lag=st.sampled_from([0.0, 60.0]))
    def begin(self, lag: float) -> None:
        TALLY["examples"] += 1
        self.fake = FakeVertex(BUCKET)
        self.fake.serving.l4_per_region = 64
        self.fake.jobs.lag = lag
        self.plug = plugged(self.fake)
        self.plug.__enter__()
        data = write_examples(self.folder / "train.jsonl")
        self.stacks = [Stack("dev", data), Stack("prod", data)]
        self.cancelled_by_hand: set[str] = set()

    def teardown(self) -> None:
        if not hasattr(self, "fake"):
            return
        try:
            self.end_well()
        finally:
            self.plug.__exit__(None, None, None)

    @rule(at=which, edit=st.sampled_from(EDITS), choice=st.integers(0, 2))
    def edit(self, at: int, edit: tuple[str, str, list[Any]], choice: int) -> None:
        where, key, values = edit
        stack, value = self.stacks[at], values[choice % len(values)]
        if where == "name":
            stack.service |= {"name": value, "renamed_from": [] if value == "tickets" else ["tickets"]}
        elif where == "serving":
            stack.service["serving"] = {**stack.service.get("serving", {}), key: value}
        else:
            (stack.tuning if where == "tuning" else stack.service)[key] = value

    @rule(at=which)
    def up(self, at: int) -> None:
        self.run_up(self.stacks[at])

    @rule(at=which, name=st.sampled_from(["job", "model", "endpoint", "deployed"]))
    def up_with_replace(self, at: int, name: str) -> None:
        self.run_up(self.stacks[at], replace=(name,))

    @rule(at=which, wrong=st.lists(faults, min_size=1, max_size=2))
    def up_with_faults(self, at: int, wrong: list[Fault]) -> None:
        self.fake.world.faults = [Fault(f.call, f.error, f.after, f.nth) for f in wrong]
        self.run_up(self.stacks[at])
        self.fake.world.faults = []

    @rule(at=which, edit=st.sampled_from(EDITS), choice=st.integers(0, 2))
    def rollout_cut_off_and_edited_back(self, at: int, edit: tuple[str, str, list[Any]], choice: int) -> None:
        stack = self.stacks[at]
        before = dict(stack.tuning), {**stack.service, "serving": dict(stack.service.get("serving", {}))}
        self.edit(at, edit, choice)
        self.fake.world.faults = [Fault("serving.deploy*", Crash(), after=True)]
        self.run_up(stack)
        self.fake.world.faults = []
        stack.tuning, stack.service = before

    @rule(at=which, wrong=operation_faults)
    def up_with_a_failing_operation(self, at: int, wrong: OperationFault) -> None:
        self.fake.world.operation_faults = [wrong]
        self.run_up(self.stacks[at])
        self.fake.world.operation_faults = []

    @rule(at=which, code=st.sampled_from([3, 8, 13]), times=st.integers(1, 3))
    def up_with_failing_jobs(self, at: int, code: int, times: int) -> None:
        self.fake.jobs.failing = [(code, "the data centre is on fire")] * times
        self.run_up(self.stacks[at])
        self.fake.jobs.failing = []

    def run_up(self, stack: Stack, replace: tuple[str, ...] = ()) -> None:
        if stack.service.get("serving", {}).get("rollout") == "recreate":
            stack.served = False  # it says so itself: downtime
        ran = stack.up(replace)
        # A first deployment that failed may still be on its way out.
        well = ran is not None and ran.ok and not stack.half_gone
        stack.served = stack.served or (well and stack.is_served(self.fake))

    @rule(at=which)
    def refresh(self, at: int) -> None:
        self.stacks[at].engine.refresh()
        self.stacks[at].half_gone = False

    @rule(seconds=st.sampled_from([5.0, 70.0, 600.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.fake.clock.sleep(seconds)

    @rule(at=which)
    def destroy(self, at: int) -> None:
        stack = self.stacks[at]
        stack.served = stack.touched = False
        gone = stack.engine.destroy()
        assert gone.ok, gone.failed
        stack.half_gone = False
        self.nothing_bills_for(stack)

    @rule(at=which, wrong=st.lists(faults, min_size=1, max_size=2))
    def destroy_with_faults(self, at: int, wrong: list[Fault]) -> None:
        stack = self.stacks[at]
        stack.served = stack.touched = False
        self.fake.world.faults = [Fault(f.call, f.error, f.after, f.nth) for f in wrong]
        stack.half_gone = True
        with suppress(Crash):
            stack.half_gone = not stack.engine.destroy().ok
        self.fake.world.faults = []

    @rule(at=which, how=st.sampled_from(["undeploy", "delete", "labels", "replicas", "traffic"]))
    def change_the_endpoint_by_hand(self, at: int, how: str) -> None:
        stack = self.stacks[at]
        site = stack.site(self.fake)
        if site is None:
            return
        stack.touched, stack.served = True, False
        if how == "labels":
            site.labels = {**site.labels, "team": "hand"}
        elif how == "replicas":
            self.replicas_by_hand(stack)
        else:
            site.traffic = {}
            if how != "traffic":
                site.deployed.clear()
            if how == "delete":
                del self.fake.serving.sites[site.name]

    def replicas_by_hand(self, stack: Stack) -> None:
        site = stack.site(self.fake)
        assert site is not None
        for id_, deployed in site.deployed.items():
            site.deployed[id_] = msgspec.structs.replace(deployed, max_replicas=7)

    @rule(at=which)
    def cancel_the_job_by_hand(self, at: int) -> None:
        job = self.stacks[at].job(self.fake)
        if job is not None and not job.state.ended:
            self.fake.jobs.cancel(job.name)
            self.cancelled_by_hand.add(job.name)

    @invariant()
    def nothing_is_paid_for_twice(self) -> None:
        TALLY["steps"] += 1
        if hasattr(self, "fake"):
            twice = {key: jobs for key, jobs in paid_for(self.fake).items() if len(jobs) > 1}
            assert not twice

    @invariant()
    def nothing_alive_is_cancelled(self) -> None:
        for stack in getattr(self, "stacks", []):
            job = stack.job(self.fake)
            if job is not None and (job.cancelling or job.state in BAD):
                assert job.fault or job.name in self.cancelled_by_hand, job.name

    @invariant()
    def what_served_serves_on(self) -> None:
        for stack in getattr(self, "stacks", []):
            if stack.served:
                assert stack.is_served(self.fake), stack.name

    def nothing_bills_for(self, stack: Stack) -> None:
        living = [other.name for other in self.stacks if other.engine.state]
        for job in self.fake.jobs.all.values():  # before time goes by: a job ends by itself
            assert job.state.ended or job.cancelling or living, job.name
        self.fake.clock.sleep(3600)
        self.fake.world.advance()
        assert stack.site(self.fake) is None, "its endpoint is gone"

    def end_well(self) -> None:
        """Faults have stopped: every stack reaches its file's state, and then leaves nothing."""
        for stack in self.stacks:
            self.settle(stack)
        for stack in self.stacks:
            stack.served = False
            gone = stack.engine.destroy()
            assert gone.ok, gone.failed
            self.nothing_bills_for(stack)
        assert self.fake.serving.registered == {}

    def settle(self, stack: Stack) -> None:
        if stack.touched or stack.half_gone:
            stack.engine.refresh()
        # A job that failed or was cancelled by hand is not run again unless asked.
        ended_badly = {
            job.request.labels["vertex-tuning-fingerprint"]
            for job in self.fake.jobs.all.values()
            if job.state in BAD or job.cancelling
        }
        while stack.plan.tuning is not None and stack.plan.tuning.fingerprint in ended_badly:
            stack.tuning["attempt"] = stack.tuning.get("attempt", 1) + 1
        ran = []
        for _ in range(UPS if stack.waits else ROUNDS):
            ran.append(stack.up())
            if stack.is_as_declared(self.fake):
                break
            self.fake.clock.sleep(0 if stack.waits else 600)
        assert stack.is_as_declared(self.fake), (
            [r.failed for r in ran if r],
            stack.engine.state,
            stack.site(self.fake),
        )
        # What is still starting somewhere would show by then, and bill.
        self.fake.clock.sleep(3600)
        self.fake.world.advance()
        assert stack.is_as_declared(self.fake), stack.site(self.fake)
        again = stack.up()
        assert again is not None
        assert again.quiet, again


def test_at_most_three_ups_reach_the_declared_state(
    tmp_path_factory: pytest.TempPathFactory, record_property: Callable[[str, object], None]
) -> None:
    Lifecycle.folder = tmp_path_factory.mktemp("data")
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    for what, count in TALLY.items():
        record_property(what, count)
    assert TALLY["steps"] >= EXAMPLES * STEPS / 2
