"""Where nobody answers, it is told before it happens."""

from collections.abc import Callable

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.deployed_model.kind import GAP

TOLD = f"warning: {GAP}"
Declare = Callable[..., ServicePlan]


def answering(fake: FakeVertex, plan: ServicePlan) -> bool:
    assert plan.endpoint_name is not None
    site = fake.serving.endpoint(plan.endpoint_name)
    return site is not None and sum(site.traffic.values()) == 100


def test_recreate_without_waiting_has_its_gap_later_and_tells_it_both_times(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    service = {"serving": {"rollout": "recreate"}, "wait": False}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)

    def up(plan: ServicePlan) -> bool:
        said.clear()
        assert engine.up(plan).ok
        fake.clock.sleep(30)
        return answering(fake, plan)

    while not up(old):
        assert TOLD not in said, "there is nobody to let go of"
    up(old)

    assert up(new), "the old one serves on until the weights are there"
    assert TOLD in said, "the edit is told as one with a gap"
    steps = [(up(new), TOLD in said) for _ in range(20)]
    assert next(step for step in steps if not step[0]) == (False, True), "the step that lets go says so"
    assert steps[-1] == (True, False)
