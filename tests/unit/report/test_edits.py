"""Which edits a report tells, by which key, and as what."""

from typing import Any

import pytest

from tests.support.previews import DATASET, JOB, SERVED, URN, built, step
from vertex_tuning.report import causes, markdown
from vertex_tuning.report.model import Severity
from vertex_tuning.resources import KINDS
from vertex_tuning.specs import ServiceSpec, ServingSpec, Spec, TuningSpec


def edits() -> list[tuple[str, str, str]]:
    """Every input whose edit has a consequence and does not merely follow: its kind, name and key."""
    return [
        (kind, name, key)
        for kind, provider in KINDS.items()
        for name, rule in provider.changes.items()
        if rule.change.acts and (key := provider.key_of(name))
    ]


def quiet_edits() -> list[tuple[str, str, str]]:
    """Every input whose edit makes no difference by itself and that a user writes."""
    return [
        (kind, name, provider.key_of(name))
        for kind, provider in KINDS.items()
        for name in causes.without_a_step(provider)
    ]


@pytest.mark.parametrize(("kind", "name", "key"), [*edits(), *quiet_edits()])
def test_an_edit_is_told_by_a_key_that_a_service_has(kind: str, name: str, key: str) -> None:
    *section, field = key.split(".")
    models: dict[tuple[str, ...], type[Spec]] = {
        (): ServiceSpec,
        ("tuning",): TuningSpec,
        ("serving",): ServingSpec,
    }
    model = models[tuple(section)]
    assert field in model.model_fields, f"{kind}.{name}"


LAXER: list[tuple[str, dict[str, Any], dict[str, Any], str, str, str]] = [
    (
        "DeployedModel",
        {"evaluation": {"threshold": 0.9}},
        {"evaluation": {"threshold": 0.5}},
        "serving.evaluation.threshold",
        "threshold 0.9 → 0.5",
        "a lower threshold",
    ),
    (
        "DeployedModel",
        {"evaluation": {"threshold": 0.9}},
        {"evaluation": {"threshold": 1}},
        "serving.evaluation.threshold",
        "",
        "a higher one",
    ),
    (
        "DeployedModel",
        {"evaluation": {"threshold": 0.9}},
        {},
        "serving.evaluation",
        "serving.evaluation is removed",
        "no evaluation",
    ),
    (
        "DeployedModel",
        {"canary": {"steps": [5]}},
        {},
        "serving.canary",
        "serving.canary is removed",
        "no canary",
    ),
    (
        "DeployedModel",
        {"rollout": "side_by_side"},
        {"rollout": "recreate"},
        "serving.rollout",
        "",
        "the next rollout",
    ),
    (
        "DeployedModel",
        {"display_name": "a"},
        {"display_name": "b"},
        "serving.model_display_name",
        "",
        "a name",
    ),
    (
        "TuningJob",
        {"retrain": "deny"},
        {"retrain": "allow"},
        "retrain",
        "retrain deny → allow",
        "money may be spent",
    ),
    ("TuningJob", {"retrain": "allow"}, {"retrain": "deny"}, "retrain", "", "no more of it"),
    (
        "TuningJob",
        {"reuse": "output_uri"},
        {"reuse": "project"},
        "tuning.reuse",
        "",
        "where the next is looked for",
    ),
    ("TunedModel", {"wait": True}, {"wait": False}, "wait", "", "who waits for it"),
    ("TunedModel", {"retry": None}, {"retry": {"attempts": 2}}, "tuning.retry", "", "what follows a failure"),
]


@pytest.mark.parametrize(
    ("kind", "before", "after", "key", "risk", "why"), LAXER, ids=[case[-1] for case in LAXER]
)
def test_an_edit_for_which_nothing_is_done_is_told_and_a_lowered_gate_is_a_risk(
    kind: str, before: dict[str, Any], after: dict[str, Any], key: str, risk: str, why: str
) -> None:
    # The outputs are those of the last step, when something else was declared.
    same = {**SERVED, **JOB}
    state = {**same, "retrain": "x", "declared": {**same, **before}}
    found = built(step("same", kind, state, {**same, **after}))
    [change] = found.services[0].changes
    assert (change.key, change.means) == (key, "takes effect next time"), why
    assert [each.text for each in found.risks if risk and risk in each.text] == (
        [each.text for each in found.risks if each.severity is Severity.MEDIUM]
    ), why
    assert "nothing happens now" in markdown(found)


def test_such_an_edit_beside_a_replacement_takes_effect_with_it() -> None:
    before = {**SERVED, "fingerprint": "f", "rollout": "side_by_side"}
    [service] = built(
        step("replace", "DeployedModel", before, {**before, "machine_type": "n", "rollout": "recreate"})
    ).services
    assert [(change.key, change.means) for change in service.changes] == [
        ("serving.machine_type", "redeploy"),
        ("serving.rollout", "takes effect with this"),
    ]


def test_validation_data_that_go_are_the_cause() -> None:
    job, model = {**JOB, "phase": "ready"}, {"service": "tickets", "fingerprint": "f"}
    gone = step("delete", "TuningDataset", {**DATASET, "examples": 20}, None)
    gone["urn"] = f"{URN}TuningDataset::tickets-validation-data"
    found = built(
        gone,
        step("replace", "TuningJob", job, {**job, "fingerprint": "g"}),
        step("replace", "TunedModel", model, {**model, "fingerprint": "g"}),
    )
    assert "`tuning.validation_data`, `infra/a.jsonl`: removed (20 examples)" in markdown(found)
    said = [risk.text for risk in found.risks if risk.severity is Severity.MEDIUM]
    assert said == ["re-trains: tuning.validation_data", "tuning.validation_data is removed"]


def test_data_of_a_service_that_goes_are_no_cause() -> None:
    model = {"service": "tickets", "fingerprint": "f"}
    found = built(step("delete", "TuningDataset", DATASET, None), step("delete", "TunedModel", model, None))
    assert found.services[0].data == ()


def test_a_raised_attempt_is_the_cause() -> None:
    model = {"service": "tickets", "fingerprint": "f", "lineage": {"attempt": 1, "epochs": 1}}
    again = {**model, "fingerprint": "g", "lineage": {"attempt": 2.0, "epochs": 1}}
    [service] = built(step("replace", "TunedModel", model, again)).services
    [change] = service.changes
    assert (change.key, change.before, change.after, change.means) == ("tuning.attempt", "1", "2", "re-train")


def test_what_was_changed_outside_is_told_as_such() -> None:
    declared = {"service": "tickets", "labels": {"team": "a"}}
    live = {**declared, "labels": {"team": "b"}, "declared": declared}
    found = built(step("update", "Endpoint", live, declared))
    [change] = found.services[0].changes
    assert (change.key, change.before, change.after, change.outside) == ("labels.team", "b", "a", True)
    assert "changed outside Pulumi" in found.risks[0].text


CONTAINERS = [
    (None, {"image_uri": "i", "env": {"TOKEN": "abc123"}}, "a container of one's own"),
    ({"image_uri": "i", "env": {"TOKEN": "abc123"}}, None, "one less"),
    (
        {"image_uri": "i", "env": {"TOKEN": "abc123"}},
        {"image_uri": "i", "env": {"TOKEN": "def456"}},
        "another",
    ),
]


@pytest.mark.parametrize(("was", "now", "why"), CONTAINERS, ids=[case[2] for case in CONTAINERS])
def test_no_report_shows_a_value_of_a_containers_environment(was: Any, now: Any, why: str) -> None:
    def side(container: Any) -> dict[str, Any]:
        return {**SERVED, **({"container": container} if container else {})}

    report = built(step("replace", "DeployedModel", side(was), side(now)))

    text = markdown(report)
    assert "TOKEN" in text or was, why
    assert "abc123" not in text
    assert "def456" not in text
