"""What someone changed outside: a refresh reads it back, the next preview names it, `up` mends what it can."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.support.fake import FakeVertex
from tests.support.fake_serving import Site
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_fences import model_id, serving
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]


def site_of(fake: FakeVertex) -> Site:
    [site] = fake.serving.sites.values()
    return site


def replicas(fake: FakeVertex) -> None:
    site = site_of(fake)
    site.deployed = {
        id_: msgspec.structs.replace(each, max_replicas=7) for id_, each in site.deployed.items()
    }


def target(fake: FakeVertex) -> None:
    site = site_of(fake)
    site.deployed = {
        id_: msgspec.structs.replace(each, autoscaling_target=90) for id_, each in site.deployed.items()
    }


def traffic(fake: FakeVertex) -> None:
    site_of(fake).traffic = {}


def undeployed(fake: FakeVertex) -> None:
    site_of(fake).deployed.clear()
    site_of(fake).traffic = {}


def labels(fake: FakeVertex) -> None:
    site_of(fake).labels = {**site_of(fake).labels, "team": "another"}


def name(fake: FakeVertex) -> None:
    site_of(fake).display_name = "another"


def deleted(fake: FakeVertex) -> None:
    fake.serving.sites.clear()


MENDED: list[tuple[Callable[[FakeVertex], None], dict[str, set[str]], str]] = [
    (replicas, {"deployed": {"max_replicas"}}, "the console's edit of a deployment"),
    (target, {"deployed": {"autoscaling_target"}}, "of its scaling, too"),
    (traffic, {"deployed": {"phase", "traffic"}}, "nobody is sent to the model"),
    (undeployed, {"deployed": {"phase", "traffic"}}, "the model was taken off its machines"),
    (labels, {"endpoint": {"labels"}}, "labels say who pays"),
    (name, {"endpoint": {"display_name"}}, "the name that people see"),
    (
        deleted,
        {"deployed": {"phase", "traffic"}},
        "the endpoint is gone; its id stays the service's",
    ),
]


def differing(engine: MiniEngine, before: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Per resource, which of what it said before it says no more: inputs as they are outside, phase, traffic."""
    found = {
        entry.name: {
            key
            for key in (*entry.inputs, "phase", "traffic")
            if entry.outputs.get(key) != before[entry.name].get(key)
        }
        for entry in engine.state
    }
    return {name: keys for name, keys in found.items() if keys}


@pytest.mark.parametrize(("change", "named", "why"), MENDED, ids=[case[0].__name__ for case in MENDED])
def test_what_can_be_mended_is_without_tuning_again(
    fake: FakeVertex,
    declare: Declare,
    change: Callable[[FakeVertex], None],
    named: dict[str, set[str]],
    why: str,
) -> None:
    serving_ = {"max_replicas": 2, "autoscaling_target": 60}
    engine, plan = MiniEngine(), declare(service={"labels": {"team": "search"}, "serving": serving_})
    assert engine.up(plan).ok
    before = {entry.name: entry.outputs for entry in engine.state}

    change(fake)
    assert engine.up(plan).quiet, "a settled stack asks nobody"
    engine.refresh()

    assert differing(engine, before) == named, why
    mended = engine.up(plan)
    assert mended.ok, mended.failed
    assert set(mended.changed) == set(named), "only what differs is touched"
    assert (mended.made, mended.deleted) == ([], [])
    assert serving(fake, plan) == [(model_id(plan), 100)]
    assert len(fake.jobs.all) == 1, "nothing was paid for again"
    engine.refresh()
    assert differing(engine, before) == {}
    assert engine.up(plan).quiet


def test_weights_that_are_gone_are_told_and_not_made_again(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    fake.storage.objects = {
        uri: blob for uri, blob in fake.storage.objects.items() if "/postprocess/" not in uri
    }

    engine.refresh()

    assert engine.outputs("model")["phase"] == "lost"
    assert "no weights at gs://test-bucket/out/" in engine.up(plan).failed["model"]
    assert len(fake.jobs.all) == 1
    assert serving(fake, plan) == [(model_id(plan), 100)], "what serves serves on"


def test_a_job_that_was_cancelled_by_hand_is_told_and_not_run_again(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(service={"wait": False})
    assert engine.up(plan).ok
    [job] = fake.jobs.all.values()
    fake.jobs.cancel(job.name)
    fake.clock.sleep(60)

    engine.refresh()

    assert "was cancelled" in engine.outputs("job")["ended_badly"]
    assert engine.outputs("model")["phase"] == "failed"
    assert "set attempt one higher" in engine.up(plan).failed["model"]
    assert len(fake.jobs.all) == 1
    again = declare(service={"wait": False}, attempt=2)
    assert engine.up(again).ok, "asked for by name"
    assert len(fake.jobs.all) == 2
