"""A new model takes the traffic in steps, and gives it back if it fails."""

from typing import Any

import pytest

from tests.support.evaluated import Declare, Serving, evaluated, id_of, right_for, shares
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.resources.deployed_model.traffic import next_share, split
from vertex_tuning.vertex.errors import Transient

SHARES = [
    ((10, 50), 0, 10, "the first step"),
    ((10, 50), 10, 50, "the next"),
    ((10, 50), 50, 100, "after the last one all"),
    ((10, 50), 30, 50, "a share set by hand is a place on the way"),
    ((10, 50), 60, 100, "beyond the last step"),
]


@pytest.mark.parametrize(("steps", "share", "to", "why"), SHARES, ids=[case[3] for case in SHARES])
def test_the_next_share(steps: tuple[int, ...], share: int, to: int, why: str) -> None:
    assert next_share(steps, share) == to, why


SPLITS = [
    ({"a": 100}, 10, {"a": 90, "new": 10}, "from the one that has all"),
    ({"a": 90, "new": 10}, 50, {"a": 50, "new": 50}, "more of it"),
    ({"a": 90, "new": 10}, 100, {"new": 100}, "all of it"),
    ({"a": 90, "new": 10}, 0, {"a": 100}, "and back"),
    ({"a": 60, "b": 40}, 10, {"a": 54, "b": 36, "new": 10}, "in proportion"),
    ({}, 10, {"new": 100}, "nobody to share with"),
]


@pytest.mark.parametrize(("before", "share", "after", "why"), SPLITS, ids=[case[3] for case in SPLITS])
def test_splitting(before: dict[str, int], share: int, after: dict[str, int], why: str) -> None:
    assert split(before, "new", share) == after, why
    assert sum(split(before, "new", share).values()) == 100


def canary(**more: Any) -> Serving:
    return {"canary": {"steps": [10, 50], "wait": "10m"}, **more}


def test_a_canary_takes_the_traffic_in_steps_with_a_wait_between(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    service = {"serving": canary()}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    assert engine.up(old).ok
    assert not any("canary" in line for line in said), "there is nobody to share with"
    began = fake.clock.time()
    assert engine.up(new).ok
    assert [line for line in said if line.startswith("canary") and not line.endswith("…")] == [
        "canary: 10 % of the traffic, for 10m",
        "canary: 50 % of the traffic, for 10m",
    ]
    assert fake.clock.time() - began > 2 * 600
    assert shares(fake, new) == {id_of(new): 100}
    assert engine.up(new).quiet


def test_a_refresh_during_a_step_changes_nothing(fake: FakeVertex, declare: Declare) -> None:
    service = {"serving": canary(), "wait": False}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    for plan in (old, new):
        for _ in range(12):
            assert engine.up(plan).ok
            if "the next step at" in engine.outputs("deployed")["reason"]:
                break
            fake.clock.sleep(60)
    before = engine.outputs("deployed")
    assert before["traffic"] == 10
    fake.clock.sleep(60)

    engine.refresh()

    assert engine.outputs("deployed") == before


def test_without_waiting_each_up_after_its_wait_goes_one_step(fake: FakeVertex, declare: Declare) -> None:
    service = {"serving": canary(), "wait": False}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    for plan in (old, new):
        for _ in range(12):
            assert engine.up(plan).ok
            if shares(fake, plan).get(id_of(plan)):
                break
            fake.clock.sleep(30)
    assert shares(fake, new) == {id_of(old): 90, id_of(new): 10}
    assert engine.up(new).quiet, "its wait is not over"
    fake.clock.sleep(601)
    assert engine.up(new).changed == ["deployed"]
    assert shares(fake, new) == {id_of(old): 50, id_of(new): 50}
    fake.clock.sleep(601)
    assert engine.up(new).ok
    assert shares(fake, new) == {id_of(new): 100}
    assert engine.up(new).quiet


def test_a_canary_that_fails_its_check_gives_the_traffic_back(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    service = {"serving": canary(**evaluated(prompts))}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    fake.serving.answers = right_for(old, new)
    assert engine.up(old).ok

    def worse_with_callers(model: str, prompt: str) -> str:
        alone = all(
            site.name.endswith("-eval") for site in fake.serving.sites.values() if len(site.deployed) > 1
        )
        return right_for(old, new)(model, prompt) if alone else right_for(old)(model, prompt)

    fake.serving.answers = worse_with_callers
    ran = engine.up(new)
    assert "evaluation: score 0 " in ran.failed["deployed"], "only the new one's own answers count"
    assert shares(fake, old) == {id_of(old): 100}
    assert len(fake.serving.registered) == 1


def test_an_interrupted_canary_goes_on_at_the_live_share(fake: FakeVertex, declare: Declare) -> None:
    service = {"serving": canary()}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    assert engine.up(old).ok
    sleep, naps = fake.clock.sleep, iter(range(10**6))

    def cut_off(seconds: float, /) -> None:
        if shares(fake, new).get(id_of(new)) == 10 and next(naps) == 5:
            raise Transient("the machine was turned off")
        sleep(seconds)

    fake.clock.sleep = cut_off  # type: ignore[method-assign]
    assert not engine.up(new).ok
    assert shares(fake, new) == {id_of(old): 90, id_of(new): 10}, "callers notice nothing"
    fake.clock.sleep = sleep  # type: ignore[method-assign]
    began = fake.clock.time()

    assert engine.up(new).ok
    assert shares(fake, new) == {id_of(new): 100}
    assert 600 < fake.clock.time() - began < 2 * 600, "of the first wait only the rest"
