"""A new model is judged where no caller is, then takes the traffic; what fails is taken back."""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.declared import BUCKET
from tests.support.fake import Crash, FakeVertex, plugged
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.deployed_model import DeployedModelProvider
from vertex_tuning.resources.evaluating import shown
from vertex_tuning.resources.traffic import next_share, split
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.errors import PermissionMissing, Transient

Declare = Callable[..., ServicePlan]
Serving = dict[str, Any]


def shares(fake: FakeVertex, plan: ServicePlan) -> dict[str, int]:
    """Per cent of each model on the service's endpoint."""
    assert plan.endpoint_name is not None
    site = fake.serving.endpoint(plan.endpoint_name)
    found = site.deployed if site else ()
    return {each.model.rsplit("/", 1)[1]: site.traffic.get(each.id, 0) for each in found} if site else {}


def id_of(plan: ServicePlan) -> str:
    assert plan.deployed is not None
    return str(plan.deployed["model_id"])


def right_for(*plans: ServicePlan) -> Callable[[str, str], str]:
    """Models that answer as expected; all others do not."""
    good = {id_of(plan) for plan in plans}
    return lambda model, prompt: f"right {prompt}" if model.rsplit("/", 1)[1] in good else "wrong"


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        "".join(json.dumps({"prompt": f"p{n}", "expected": f"right p{n}"}) + "\n" for n in range(8))
    )
    return str(path)


def evaluated(prompts: str, **more: Any) -> Serving:
    return {"evaluation": {"prompts": prompts, "threshold": 0.75}, **more}


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


def tried_again(said: list[str]) -> list[str]:
    """What is said of a model that failed, before it is tried again."""
    return [line for line in said if "failed its last evaluation" in line]


FAILED_BEFORE = (
    "warning: this model failed its last evaluation: score 0 over 8 answers, at least 0.75 was asked for; "
    "it is deployed and evaluated anew, and at least 0.75 is asked for now"
)


@pytest.mark.parametrize("serves", [True, False], ids=["an old one serves", "it is the first"])
def test_the_figures_of_what_failed_are_found_afterwards(
    fake: FakeVertex, declare: Declare, said: list[str], prompts: str, *, serves: bool
) -> None:
    service = {"serving": evaluated(prompts)}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    fake.serving.answers = right_for(old)
    if serves:
        assert engine.up(old).ok
    assert not engine.up(new).ok
    assert tried_again(said) == [], "it is told before it is tried again, not at the first time"

    figures = {"score": 0.0, "n": 8.0, "threshold": 0.75, "model": id_of(new)}
    engine.refresh()
    assert engine.outputs("readiness")["rejected"] == figures
    deployments = len([call for call in fake.world.calls if call.startswith("serving.deploy")])
    DeployedModelProvider().check({}, dict(new.deployed or {}))
    assert tried_again(said) == [FAILED_BEFORE], "a preview tells it"
    assert deployments == len([call for call in fake.world.calls if call.startswith("serving.deploy")])

    assert engine.up(old).ok
    assert engine.outputs("readiness")["rejected"] == figures, "an edit back keeps them"
    fake.serving.answers = right_for(old, new)
    assert engine.up(new).ok
    engine.refresh()
    assert "rejected" not in engine.outputs("readiness"), "it has passed since"
    assert engine.destroy().ok
    assert [uri for uri in fake.storage.objects if "/.claims/Readiness/" in uri] == []


def test_without_waiting_a_preview_tells_that_the_model_failed(
    fake: FakeVertex, declare: Declare, said: list[str], prompts: str
) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": evaluated(prompts), "wait": False})
    fake.serving.answers = right_for()
    while engine.up(plan).ok:
        fake.clock.sleep(30)
    said.clear()
    there = engine.live("deployed")
    assert there is not None
    assert DeployedModelProvider().diff(there.id, dict(there.outputs), dict(plan.deployed or {})).changes
    assert tried_again(said) == [FAILED_BEFORE]


def test_a_verdict_that_cannot_be_written_down_is_told_all_the_same(
    fake: FakeVertex, declare: Declare, prompts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise PermissionMissing("storage.objects.create denied")

    monkeypatch.setattr(Claims, "reject", read_only)
    ran = MiniEngine().up(declare(service={"serving": evaluated(prompts)}))
    assert "evaluation: score 0 over 8 answers" in ran.failed["deployed"]


def test_a_service_of_0_1_0_gets_its_claim_with_its_next_edit(
    fake: FakeVertex, declare: Declare, prompts: str
) -> None:
    service = {"serving": evaluated(prompts)}
    engine, old, new = MiniEngine(), declare(service=service), declare(service=service, epochs=2)
    fake.serving.answers = right_for(old)
    assert engine.up(old).ok
    fake.storage.objects = {
        uri: blob for uri, blob in fake.storage.objects.items() if "/.claims/Readiness/" not in uri
    }
    engine.outputs("readiness")["token"] = ""

    assert not engine.up(new).ok
    engine.refresh()
    assert engine.outputs("readiness")["rejected"]["model"] == id_of(new)
    assert engine.destroy().ok
    assert [uri for uri in fake.storage.objects if "/.claims/Readiness/" in uri] == []


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


SHOWN = [
    (0.89999, 0.9, 0.9, 0.89999, "below, and it reads as below"),
    (0.899999999, 0.9, 0.9, 0.899999999, "however little"),
    (0.9, 0.9, 0.9, 0.9, "as much as asked for"),
    (2 / 3, 0.5, 0.5, 0.6667, "four digits are enough elsewhere"),
    (0.66666, 0.66667, 0.66667, 0.66666, "a threshold of more digits"),
    (0.66668, 0.66667, 0.66667, 0.6667, "above it"),
]


@pytest.mark.parametrize(
    ("score", "threshold", "least", "told", "why"), SHOWN, ids=[case[4] for case in SHOWN]
)
def test_a_score_is_told_on_its_side_of_the_threshold(
    score: float, threshold: float, least: float, told: float, why: str
) -> None:
    assert shown(score, threshold) == told, why
    assert (shown(score, threshold) < threshold) is (score < threshold)


def test_a_verdict_is_held_against_what_is_asked_for_now(fake: FakeVertex, declare: Declare) -> None:
    def asking(threshold: float, epochs: int) -> ServicePlan:
        evaluation = {"command": [sys.executable, "-c", "print(0.8)"], "threshold": threshold}
        return declare(service={"serving": {"evaluation": evaluation}, "wait": False}, epochs=epochs)

    def up(plan: ServicePlan) -> Any:
        fake.clock.sleep(30)
        return engine.up(plan)

    engine, old = MiniEngine(), asking(0.75, 1)
    for _ in range(12):
        assert up(old).ok
    assert shares(fake, old) == {id_of(old): 100}
    steps = 0
    while steps < 2:  # the probe is asked for; it is judged, and the deployment is asked for
        steps += "deployed" in up(asking(0.75, 2)).changed
    raised = asking(0.9, 2)
    ran = up(raised)
    assert (
        "score 0.8 in all, at least 0.9 is asked for; the new model is taken back" in ran.failed["deployed"]
    )
    assert shares(fake, old) == {id_of(old): 100}
    assert [name for name in fake.serving.sites if name.endswith("-eval")] == []
    for _ in range(12):
        assert up(asking(0.8, 2)).ok, "it is evaluated anew when the user asks again"
    assert shares(fake, raised) == {id_of(raised): 100}


@pytest.mark.parametrize(("own", "passes"), [(8, True), (4, True), (3, False), (1, False), (0, False)])
def test_a_model_is_not_judged_by_few_of_the_prompts(
    fake: FakeVertex,
    declare: Declare,
    prompts: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    own: int,
    passes: bool,
) -> None:
    engine, plan = MiniEngine(), declare(service={"serving": evaluated(prompts)})
    fake.serving.answers, ask = right_for(plan), fake.serving.ask

    def asked(endpoint: str, instances: list[dict[str, Any]]) -> Any:
        answer = ask(endpoint, instances)
        mine = int(instances[0]["prompt"].removeprefix("p")) < own
        return answer if mine else msgspec.structs.replace(answer, deployed_model_id="another")

    monkeypatch.setattr(fake.serving, "ask", asked)
    ran = engine.up(plan)
    assert ran.ok is passes
    if not passes:
        few = f"{own} of the 8 prompts" if own else "none of the prompts"
        assert f"the new model answered {few}; it is taken back" in ran.failed["deployed"]


COMMANDS = [
    ("print(0.9)", None, "a bare number"),
    ('print("asking"); print(\'{"score": 0.8, "n": 40}\')', None, "an object in the last line"),
    ("", "printed no score", "silence is no praise: a script that forgot to ask would pass"),
    ("print(0.5)", "score 0.5 in all, at least 0.75", "below"),
    ("import sys; sys.exit('the model swears')", "ended with 1: the model swears", "a failure says why"),
    ("print('fine')", "neither a number nor", "words are no score"),
    ("print(7)", "not between 0 and 1", "nor is seven"),
    ("import time; time.sleep(60)", "took too long", "bounded in time"),
    ("print('x' * 10_000_000); print(1)", None, "and in what is kept of it"),
    (
        (
            "import os; say = os.environ; print(int(say['EVALUATION_ENDPOINT'].endswith('-eval') and "
            "say['EVALUATION_DEPLOYED_MODEL'].isdigit()))"
        ),
        None,
        "it is told whom to ask",
    ),
]


@pytest.mark.parametrize(("program", "problem", "why"), COMMANDS, ids=[case[2] for case in COMMANDS])
def test_a_command_scores(
    fake: FakeVertex, declare: Declare, program: str, problem: str | None, why: str
) -> None:
    evaluation = {"command": [sys.executable, "-c", program], "threshold": 0.75, "timeout": "2s"}
    engine, plan = MiniEngine(), declare(service={"serving": {"evaluation": evaluation}})
    ran = engine.up(plan)
    if problem is None:
        assert ran.ok, ran.failed
    else:
        assert problem in ran.failed["deployed"], why
        assert fake.serving.sites == {}


def test_a_command_that_is_not_there(fake: FakeVertex, declare: Declare) -> None:
    evaluation = {"command": ["/no/such/program"], "threshold": 0.5}
    ran = MiniEngine().up(declare(service={"serving": {"evaluation": evaluation}}))
    assert "/no/such/program cannot be run" in ran.failed["deployed"]


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
