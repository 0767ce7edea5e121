"""What a preview means, where the captured ones do not show it."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.fake import FakeVertex
from vertex_tuning.pricing import NO_PRICES, Book, NodeHour, StorageMonth
from vertex_tuning.report import Report, build, causes, markdown, read_preview, words
from vertex_tuning.report.compare import Comparison
from vertex_tuning.report.model import Downtime, Severity, Training, Verb
from vertex_tuning.resources.deployed_model import GAP
from vertex_tuning.specs import ServiceSpec, ServingSpec, Spec, TuningSpec

TYPE = "pulumi-python:dynamic/vertex:"
URN = "urn:pulumi:dev::p::vertex-tuning:index:TunedModelService$" + TYPE
JOB = {
    "service": "tickets",
    "base_model": "meta/llama3_1@llama-3.1-8b",
    "mode": "FULL",
    "region": "us-central1",
    "epochs": 1.0,
    "fingerprint": "f",
    "billed_tokens": 10,
}

DATED: dict[str, Any] = {"currency": "USD", "date": dt.date(2026, 1, 31), "source": "made up"}
STORAGE = Book((StorageMonth(region="us-central1", price=Decimal("0.1"), **DATED),))
NODES = Book((NodeHour(machine_type="m", region="us-central1", price=Decimal(1), **DATED),))
REUSED = Training.REUSED.value
DATASET = {
    "service": "tickets",
    "content": "sha256:a",
    "uri": "gs://test-bucket/a.jsonl",
    "source": "a.jsonl",
}


def edits() -> list[tuple[str, str, str]]:
    """Every input whose edit has a consequence and does not merely follow: its kind, name and key."""
    return [
        (kind, name, causes.key_of(kind, name))
        for kind, provider in causes.PROVIDERS.items()
        for name, rule in provider.changes.items()
        if rule.change.acts and not causes.follows(kind, name)
    ]


def quiet_edits() -> list[tuple[str, str, str]]:
    """Every input whose edit makes no difference by itself and that a user writes."""
    return [
        (kind, name, causes.key_of(kind, name))
        for kind, provider in causes.PROVIDERS.items()
        for name in causes.without_a_step(kind, provider)
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


def step(op: str, kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    def state(values: dict[str, Any]) -> dict[str, Any]:
        return {"type": TYPE + kind, "inputs": values.get("declared", values), "outputs": values}

    found: dict[str, Any] = {"op": op, "urn": f"{URN}{kind}::tickets-{kind}"}
    if before is not None:
        found["oldState"] = state(before)
    if after is not None:
        found["newState"] = {"type": TYPE + kind, "inputs": after}
    return found


def built(*steps: dict[str, Any], diagnostics: Any = (), prices: Book = NO_PRICES, **options: Any) -> Report:
    text = msgspec.json.encode({"steps": steps, "diagnostics": diagnostics})
    return build(read_preview(text), prices, **options)


def told(kind: str, message: str) -> dict[str, str]:
    return {"urn": f"{URN}{kind}::tickets-{kind}", "message": message, "severity": "info"}


MONTHS: list[tuple[str, str, dict[str, Any], dict[str, Any], str, str, str]] = [
    ("create", "", {}, {}, "0.00 USD → 1.49 USD", "trains", "weights of its own"),
    ("create", "uses x of y, pays nothing", {}, {}, "unchanged", REUSED, "weights of another's"),
    (
        "create",
        "uses x of nobody, pays nothing",
        {},
        {},
        "1.49 USD",
        REUSED,
        "let go of: stored all the time",
    ),
    (
        "create",
        "uses x of p/dev/tickets, pays nothing",
        {},
        {},
        "1.49 USD",
        REUSED,
        "its own, taken up again",
    ),
    ("create", "", {}, {"adopt_job": "x"}, "unchanged", REUSED, "adopted: another's"),
    ("same", "", {"owned": False}, {}, "unchanged", "no", "another's, as before"),
    ("same", "", {}, {}, "1.49 USD", "no", "its own, as before"),
    ("replace", "", {}, {}, "1.49 USD → 2.98 USD", "re-trains", "the weights before stay, too"),
    (
        "replace",
        "uses x of nobody, pays nothing",
        {},
        {},
        "2.98 USD",
        REUSED,
        "back to weights that are there",
    ),
    ("replace", "", {"owned": False}, {}, "0.00 USD → 1.49 USD", "re-trains", "another's stay another's"),
    (
        "replace",
        "",
        {"job_output_uri": "gs://b/g"},
        {},
        "1.49 USD",
        "re-trains",
        "written into the same folder",
    ),
    ("delete", "", {}, {}, "1.49 USD", "no", "weights outlive the service"),
]


@pytest.mark.parametrize(
    ("op", "line", "before", "after", "month", "training", "why"), MONTHS, ids=[case[-1] for case in MONTHS]
)
def test_who_stores_which_weights(
    op: str, line: str, before: dict[str, Any], after: dict[str, Any], month: str, training: str, why: str
) -> None:
    owner = {"owner": "p/dev/tickets", "owner_label": "p-dev-tickets"}
    was = {**JOB, **owner, "job_output_uri": "gs://b/f", **before}
    now = {**JOB, **owner, "job_output_uri": "gs://b/g", **after}
    model = {"service": "tickets", "phase": "ready"}
    found = built(
        step(op, "TuningJob", None if op == "create" else was, None if op == "delete" else now),
        step(
            op if op in ("replace", "delete") else "update",
            "TunedModel",
            model,
            None if op == "delete" else model,
        ),
        diagnostics=[told("TuningJob", line)] if line else (),
        prices=STORAGE,
    )
    [service] = found.services
    assert (words.a_month(service, "USD"), service.training) == (month, training), why


def test_weights_that_are_deleted_are_not_stored_on() -> None:
    model = {"service": "tickets", "phase": "ready", "delete_artifacts": True}
    job = {**JOB, "job_output_uri": "gs://b/f"}
    found = built(
        step("delete", "TuningJob", job, None), step("delete", "TunedModel", model, None), prices=STORAGE
    )
    [service] = found.services
    assert words.a_month(service, "USD") == "1.49 USD → 0.00 USD"
    assert service.notes == ("its weights are deleted (delete_artifacts: true)",)


DEARER: list[tuple[Book, dict[str, Any], dict[str, Any], str, str]] = [
    (
        NODES,
        {},
        {"max_replicas": 3},
        "a month costs up to 3.0 times as much: 730.00 USD → 730.00 to 2,190.00 USD",
        "all known",
    ),
    (NODES, {"region": "r"}, {}, "", "unknown before: no ratio"),
    (NODES, {}, {"region": "r", "max_replicas": 3}, "", "unknown after"),
    (NO_PRICES, {}, {"max_replicas": 3}, "", "nothing known"),
    (NODES, {}, {"max_replicas": 1}, "", "nothing dearer"),
]


@pytest.mark.parametrize(
    ("book", "before", "after", "said", "why"), DEARER, ids=[case[-1] for case in DEARER]
)
def test_how_much_dearer_a_month_gets(
    book: Book, before: dict[str, Any], after: dict[str, Any], said: str, why: str
) -> None:
    machine = {"service": "tickets", "machine_type": "m", "region": "us-central1"}
    found = built(step("replace", "DeployedModel", {**machine, **before}, {**machine, **after}), prices=book)
    assert [risk.text for risk in found.risks if "a month costs" in risk.text] == ([said] if said else []), (
        why
    )


def test_another_machine_of_unknown_price_is_no_unchanged_month() -> None:
    before = {"service": "tickets", "machine_type": "m", "region": "us-central1"}
    [service] = built(step("replace", "DeployedModel", before, {**before, "machine_type": "n"})).services
    assert words.a_month(service, "USD") == "unknown → unknown"


def test_an_incomplete_preview_claims_no_whole_sum() -> None:
    stack = {
        "op": "same",
        "urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::s",
        "oldState": {"type": "pulumi:pulumi:Stack", "outputs": {"tickets": {}}},
    }
    before = {"service": "tickets", "machine_type": "m", "region": "us-central1"}
    found = built(
        stack, step("replace", "DeployedModel", before, {**before, "max_replicas": 2}), prices=NODES
    )
    [service] = found.services
    assert words.a_month(service, "USD").startswith("at least 730.00 USD + unknown → at least 730.00")
    said = [risk.text for risk in found.risks]
    assert "what is known of a month's costs goes up from 730.00 to 1,460.00 USD" in said
    assert "not all costs are known: what stays as it is (preview without --show-sames)" in said


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
    assert any("nothing answers" in risk.text for risk in found.risks) is (downtime is Downtime.GAP)


SERVED = {"service": "tickets", "machine_type": "m", "region": "r"}
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
        "serving.evaluation is gone",
        "no evaluation",
    ),
    (
        "DeployedModel",
        {"canary": {"steps": [5]}},
        {},
        "serving.canary",
        "serving.canary is gone",
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
    assert "nothing is done now" in markdown(found)


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
    assert "`tuning.validation_data`, `a.jsonl`: removed (20 examples)" in markdown(found)
    said = [risk.text for risk in found.risks if risk.severity is Severity.MEDIUM]
    assert said == ["trains again: tuning.validation_data", "tuning.validation_data is removed"]


def test_data_of_a_service_that_goes_are_no_cause() -> None:
    model = {"service": "tickets", "fingerprint": "f"}
    found = built(step("delete", "TuningDataset", DATASET, None), step("delete", "TunedModel", model, None))
    assert found.services[0].data == ()


def test_both_models_and_the_evaluation_have_an_amount() -> None:
    before = {"service": "tickets", "machine_type": "m", "region": "us-central1", "fingerprint": "f"}
    after = {**before, "fingerprint": "g", "evaluation": {"threshold": 0.5}, "max_replicas": 2}
    found = built(step("replace", "DeployedModel", before, after), prices=NODES)
    assert [risk.text for risk in found.risks if risk.severity is Severity.LOW] == [
        "both models are billed while the new one takes over: 2.00 to 3.00 USD an hour",
        "its evaluation bills the same machines before that: 1.00 to 2.00 USD an hour",
    ]


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
    assert "behind Pulumi's back" in found.risks[0].text


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
        "what serves now was evaluated: score 0.900000001 over 40 answers, at least 0.9 was asked for",
        "the new model is evaluated before callers get it: at least 0.95",
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
    assert "deploys a model again that failed its last evaluation" in [risk.text for risk in found.risks]


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


def test_other_resources_are_counted() -> None:
    other = {
        "op": "create",
        "urn": "urn:pulumi:dev::p::gcp:storage/bucket:Bucket::b",
        "newState": {"type": "gcp:storage/bucket:Bucket"},
    }
    assert built(other, other).others == {"create gcp:storage/bucket:Bucket": 2}


BAD = [
    (b"", "preview --json", "nothing at all, as of a command that failed to start"),
    (b"Previewing update", "preview --json", "not JSON"),
    (b"{}", "neither steps nor diagnostics", "another JSON"),
    (b'{"steps": [{"op": "same"}]}', "preview --json", "a step without an urn"),
    (b'{"steps": [{"op": "same", "urn": "x"}]}', "preview --json", "an urn that is none"),
]


@pytest.mark.parametrize(("text", "said", "why"), BAD, ids=[case[2] for case in BAD])
def test_what_is_no_preview(text: bytes, said: str, why: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_preview(text)


def compared(folder: Path, vertex: Any, **before: Any) -> Any:
    after = {**DATASET, "content": "sha256:b", "uri": "gs://test-bucket/b.jsonl", "examples": 3}
    change = step("replace", "TuningDataset", {**DATASET, "examples": 3, **before}, after)
    [service] = built(change, compared=Comparison(folder, vertex)).services
    return service.data[0]


def test_lines_are_compared_wherever_they_stand(tmp_path: Path) -> None:
    vertex = FakeVertex("test-bucket")
    old = tmp_path / "old"
    old.write_text("one\ntwo\ntwo\nthree\n")
    vertex.storage.upload(old, "gs://test-bucket/a.jsonl")
    (tmp_path / "a.jsonl").write_text("three\r\n\nfour\ntwo\n")
    found = compared(tmp_path, vertex)
    assert (found.added, found.removed) == (1, 2), "four came; one and one of two went; the order is nothing"


NOT_COMPARED: list[tuple[bool, dict[str, Any], str, str]] = [
    (False, {}, "the new file is not here", "the report is made elsewhere"),
    (True, {}, "the old content cannot be read", "the old object is gone"),
    (True, {"bytes": 1e12}, "larger than", "a report is not worth a terabyte"),
    (True, {"source": "gs://b/x"}, "lies in Cloud Storage", "the bytes were never here"),
]


@pytest.mark.parametrize(("there", "before", "said", "why"), NOT_COMPARED, ids=[c[3] for c in NOT_COMPARED])
def test_what_is_not_compared_says_why(
    tmp_path: Path,
    *,
    there: bool,
    before: dict[str, Any],
    said: str,
    why: str,
) -> None:
    if there:
        (tmp_path / "a.jsonl").write_text("one\n")
    found = compared(tmp_path, FakeVertex("test-bucket"), **before)
    assert (found.added, found.removed) == (None, None)
    assert said in found.not_compared, why
