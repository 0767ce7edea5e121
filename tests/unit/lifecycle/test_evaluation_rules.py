"""A new model is judged where no caller is; what fails is taken back, what is cut off goes on."""

import contextlib

import pytest

from tests.support.declared import BUCKET
from tests.support.evaluated import Declare, evaluated, id_of, right_for, shares
from tests.support.fake import Crash, FakeVertex, plugged
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.vertex.errors import Transient


def test_a_good_model_passes_where_no_caller_is(
    fake: FakeVertex, declare: Declare, said: list[str], prompts: str
) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": evaluated(prompts)})
    fake.serving.answers = right_for(plan)
    ran = engine.up(plan)
    assert ran.ok, ran.failed

    assert shares(fake, plan) == {id_of(plan): 100}
    assert engine.outputs("deployed")["verdict"] == {"score": 1.0, "n": 8, "threshold": 0.75}
    assert "evaluation: score 1 over 8 answers, at least 0.75 is asked for" in said
    assert {site for site, _ in fake.serving.asked} != {plan.endpoint_name}
    assert all(site.endswith("-eval") for site, _ in fake.serving.asked), "nobody else asks there"
    assert [name for name in fake.serving.sites if name.endswith("-eval")] == [], "the probe is given back"
    assert engine.up(plan).quiet
    engine.refresh()
    assert engine.up(plan).quiet
    assert len(fake.serving.asked) == 8
    assert engine.destroy().ok
    assert fake.serving.registered == {}


@pytest.mark.parametrize("wait", [True, False])
def test_a_bad_model_is_taken_back_and_the_old_one_serves_on(
    fake: FakeVertex, declare: Declare, prompts: str, *, wait: bool
) -> None:
    service = {"serving": evaluated(prompts), "wait": wait}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    fake.serving.answers = right_for(old)

    def up(plan: ServicePlan) -> str:
        for _ in range(30):
            ran = engine.up(plan)
            if not ran.ok or (ran.quiet and shares(fake, plan).get(id_of(plan)) == 100):
                return ran.failed.get("deployed", "")
            fake.clock.sleep(30)
        raise AssertionError("it did not end")

    assert up(old) == ""
    failed = up(new)

    assert "evaluation: score 0 over 8 answers, at least 0.75 is asked for" in failed
    assert shares(fake, old) == {id_of(old): 100}
    assert [name for name in fake.serving.sites if name.endswith("-eval")] == []
    assert len(fake.serving.registered) == 1, "only the old one is registered"

    fake.serving.answers = right_for(old, new)
    assert up(new) == "", "a look is taken anew when the user asks again"
    assert shares(fake, new) == {id_of(new): 100}


def test_a_run_that_is_cut_off_goes_on_with_the_deployment_that_is_there(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": evaluated(prompts)})
    fake.serving.answers = right_for(plan)
    fake.fault("serving.ask", Transient("the line went dead"))
    assert not engine.up(plan).ok
    assert [name for name in fake.serving.sites if name.endswith("-eval")] != [], "it may well succeed"
    deployments = fake.world.calls.count("serving.deploy_weights")

    assert engine.up(plan).ok
    assert fake.world.calls.count("serving.deploy_weights") == deployments
    assert shares(fake, plan) == {id_of(plan): 100}


def test_destroy_takes_down_what_a_cut_off_evaluation_left(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": evaluated(prompts)})
    fake.fault("serving.ask", Transient("the line went dead"))
    assert not engine.up(plan).ok
    assert engine.destroy().ok
    assert (fake.serving.sites, fake.serving.registered) == ({}, {})


def test_an_evaluation_that_was_cut_off_and_then_taken_out_leaves_nothing(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    engine, judged, plain = MiniEngine(), declare(service={"serving": evaluated(prompts)}), declare()
    fake.fault("serving.ask", Transient("the line went dead"))
    assert not engine.up(judged).ok
    assert engine.up(plain).ok
    assert list(shares(fake, plain).values()) == [100]
    assert [name for name in fake.serving.sites if name.endswith("-eval")] == []


def test_an_evaluation_that_comes_later_judges_the_next_model_and_not_this_one(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    engine, plain, judged = MiniEngine(), declare(), declare(service={"serving": evaluated(prompts)})
    assert engine.up(plain).ok
    assert engine.up(judged).quiet
    engine.refresh()
    assert engine.up(judged).quiet
    assert fake.serving.asked == []


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize(
    "account",
    [{}, {"service_account": "server@p.iam.gserviceaccount.com"}],
    ids=["in one call", "endpoint, model and deployment by a call each"],
)
def test_whichever_call_is_the_last_of_a_killed_run_the_next_goes_on_and_destroy_leaves_nothing(
    declare: Declare, fake: FakeVertex, prompts: str, account: dict[str, str], *, after: bool
) -> None:
    plan = declare(service={"serving": evaluated(prompts, **account)})
    assert plan.endpoint_name is not None
    served = plan.endpoint_name.rsplit("/", 1)[1]
    fake.serving.answers = right_for(plan)
    assert MiniEngine().up(plan).ok
    calls = sum(call.startswith("serving.") for call in fake.world.calls)
    for nth in range(1, calls + 1):
        for finish in ("up", "destroy"):
            outside = FakeVertex(BUCKET)
            outside.serving.answers = right_for(plan)
            with plugged(outside):
                engine = MiniEngine()
                outside.fault("serving.*", Crash(), nth=nth, after=after)
                with contextlib.suppress(Crash):
                    engine.up(plan)
                outside.world.faults.clear()
                assert (engine.up(plan) if finish == "up" else engine.destroy()).ok, (nth, finish)
                outside.clock.sleep(600)
                sites = [name.rsplit("/", 1)[1] for name in outside.serving.sites]
                assert sites == ([served] if finish == "up" else []), (nth, finish)
