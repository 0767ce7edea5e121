"""What a report says of a rollout: when nothing answers, what is evaluated, what is under way."""

from typing import Any

import pytest

from tests.support.previews import SERVED, built, step, told
from vertex_tuning.report.model import Downtime, Severity, Training, Verb
from vertex_tuning.resources.deployed_model.kind import GAP, GAP_OF_A_MOVE

GAPS: list[tuple[str, dict[str, Any], str, Downtime, str]] = [
    ("replace", {"rollout": "recreate"}, "", Downtime.GAP, "the old one goes first"),
    (
        "replace",
        {"rollout": "recreate", "wait": False},
        "",
        Downtime.GAP,
        "the old one goes first, only later",
    ),
    ("replace", {"rollout": "side_by_side"}, "", Downtime.TAKEN_OVER, "beside the old one"),
    ("update", {"rollout": "recreate", "wait": False}, GAP, Downtime.GAP, "this is the step that lets go"),
    ("update", {"rollout": "recreate", "wait": False}, "", Downtime.NONE, "another step"),
    ("create", {"rollout": "recreate"}, "", Downtime.STARTS, "there is no old one"),
]


@pytest.mark.parametrize(("op", "after", "line", "downtime", "why"), GAPS, ids=[case[-1] for case in GAPS])
def test_when_nothing_answers(
    op: str, after: dict[str, Any], line: str, downtime: Downtime, why: str
) -> None:
    before = {"service": "tickets", "machine_type": "m", "region": "r", "phase": "blocked"}
    said = [told("DeployedModel", f"warning: {line}\n")] if line else ()
    change = step(op, "DeployedModel", None if op == "create" else before, {**before, **after})
    found = built(change, diagnostics=said)
    assert found.services[0].downtime is downtime, why
    assert any("downtime between" in risk.text for risk in found.risks) is (downtime is Downtime.GAP)


@pytest.mark.parametrize(
    ("said", "gap", "why"),
    [
        ((GAP_OF_A_MOVE,), True, "the old endpoint goes at once, and the weights come later"),
        ((), False, "the old endpoint goes when the new one serves"),
    ],
)
def test_an_endpoint_that_moves(*, said: tuple[str, ...], gap: bool, why: str) -> None:
    change = step("replace", "Endpoint", {**SERVED, "endpoint_id": "old"}, {**SERVED, "endpoint_id": "new"})
    model = step("replace", "DeployedModel", SERVED, SERVED)
    found = built(change, model, diagnostics=[told("DeployedModel", f"warning: {line}\n") for line in said])
    assert found.services[0].downtime is Downtime.MOVES
    assert {risk.severity for risk in found.risks if "endpoint" in risk.text} == {Severity.HIGH}
    assert any("downtime between" in risk.text for risk in found.risks) is gap, why


def test_what_is_under_way_goes_one_step_on() -> None:
    model = {"service": "tickets", "phase": "pending"}
    [service] = built(step("update", "TunedModel", model, {"service": "tickets"})).services
    assert [(change.key, change.before) for change in service.changes] == [
        ("progress of TunedModel", "pending")
    ]
    assert (service.verb, service.training, service.downtime) == (Verb.CHANGED, Training.NO, Downtime.NONE)


def test_weights_that_go_with_the_service_are_a_high_risk() -> None:
    found = built(step("delete", "TunedModel", {"service": "tickets", "delete_artifacts": True}, None))
    assert [risk.severity for risk in found.risks] == [Severity.HIGH]


def test_the_evaluation_s_figures_and_demands_are_told() -> None:
    before = {
        "service": "tickets",
        "fingerprint": "f",
        "verdict": {"score": 0.900000001, "n": 40.0, "threshold": 0.9},
    }
    after = {
        "service": "tickets",
        "fingerprint": "g",
        "machine_type": "m",
        "region": "r",
        "evaluation": {"threshold": 0.95},
        "canary": {"steps": [10.0, 50], "wait": "5m"},
    }
    [service] = built(
        step("replace", "DeployedModel", {"machine_type": "m", "region": "r", **before}, after)
    ).services
    assert service.notes == (
        "the served model was evaluated: score 0.900000001 over 40 answers, at least 0.9 was asked for",
        "the new model is evaluated before callers reach it: at least 0.95",
        "it takes the traffic in steps: 10 %, 50 %, each for 5m",
    )


FAILED = (
    "this model failed its last evaluation: score 0.41 over 20 answers, at least 0.8 was asked for; "
    "it is deployed and evaluated anew, and at least 0.8 is asked for now"
)


def test_a_model_that_failed_its_evaluation_and_is_tried_again_is_a_risk_with_its_figures() -> None:
    deployed = step(
        "replace",
        "DeployedModel",
        SERVED | {"model_id": "old"},
        SERVED | {"model_id": "new"},
    )
    found = built(deployed, diagnostics=[told("DeployedModel", f"warning: {FAILED}\n")])
    assert FAILED in found.services[0].notes
    assert "deploys a model that failed its last evaluation" in [risk.text for risk in found.risks]


@pytest.mark.parametrize(
    ("serves", "told", "why"),
    [
        ("old", True, "the state knows of it since a refresh or an edit back"),
        ("new", False, "it has passed since, and the state has not been read back"),
    ],
)
def test_a_model_that_failed_before_is_told_from_the_state(*, serves: str, told: bool, why: str) -> None:
    rejected = {"model": "new", "score": 0.41, "n": 20.0, "threshold": 0.8}
    readiness = {"service": "tickets", "rejected": rejected}
    found = built(
        step("same", "Readiness", readiness, {"service": "tickets"}),
        step(
            "update",
            "DeployedModel",
            SERVED | {"model_id": serves, "max_replicas": 1},
            SERVED | {"model_id": serves, "max_replicas": 2},
        ),
    )
    line = "new failed its last evaluation: score 0.41 over 20 answers, at least 0.8 was asked for"
    assert (line in found.services[0].notes) is told, why
