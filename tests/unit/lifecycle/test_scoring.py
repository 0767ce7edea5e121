"""How a model is scored, by prompts or by a command, and what a score is held against."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.evaluated import Declare, evaluated, id_of, right_for, shares
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.deployed_model.evaluation import shown

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
        "score 0.8 in all, at least 0.9 is asked for; the new model is undeployed" in ran.failed["deployed"]
    )
    assert shares(fake, old) == {id_of(old): 100}
    assert [name for name in fake.serving.sites if name.endswith("-eval")] == []
    for _ in range(12):
        assert up(asking(0.8, 2)).ok, "it is evaluated anew when the user asks again"
    assert shares(fake, raised) == {id_of(raised): 100}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([], None),
        ([2], "2 of"),
        (list(range(1, 12)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 more of"),
    ],
    ids=["none", "one", "more than are named"],
)
def test_the_prompts_that_a_model_gets_wrong_are_named(
    fake: FakeVertex,
    declare: Declare,
    tmp_path: Path,
    said: list[str],
    *,
    wrong: list[int],
    told: str | None,
) -> None:
    path = tmp_path / "prompts.jsonl"
    asked = [{"prompt": f"p{n}", "expected": "x" if n in wrong else f"right p{n}"} for n in range(1, 15)]
    path.write_text("\n".join(map(json.dumps, asked)))
    serving = {"evaluation": {"prompts": str(path), "threshold": 0.0}}
    plan = declare(service={"serving": serving})
    fake.serving.answers = right_for(plan)
    assert MiniEngine().up(plan).ok
    line = f"evaluation: not as expected are the answers to prompts {told} {path}, counted from 1"
    assert [each for each in said if "not as expected" in each] == ([line] if told else [])


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
        assert f"the new model answered {few}; it is undeployed" in ran.failed["deployed"]


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
            "say['EVALUATION_DEPLOYED_MODEL'].isdigit() and "
            "say['EVALUATION_ADDRESS'].endswith('/v1beta1/' + say['EVALUATION_ENDPOINT'])))"
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
