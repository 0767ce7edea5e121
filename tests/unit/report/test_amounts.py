"""What a report says of money: a month, a rollout, and what is not known."""

import datetime as dt
from typing import Any

import pytest

from tests.support.previews import JOB, NODES, STORAGE, built, step, told
from vertex_tuning.pricing import NO_PRICES, Book, list_prices
from vertex_tuning.report import words
from vertex_tuning.report.model import Severity, Training

REUSED = Training.REUSED.value

MONTHS: list[tuple[str, str, dict[str, Any], dict[str, Any], str, str, str]] = [
    ("create", "", {}, {}, "0.00 USD → 2.98 USD", "trains", "weights of its own"),
    ("create", "uses x of y, pays nothing", {}, {}, "unchanged", REUSED, "weights of another's"),
    (
        "create",
        "uses x of nobody, pays nothing",
        {},
        {},
        "2.98 USD",
        REUSED,
        "let go of: stored all the time",
    ),
    (
        "create",
        "uses x of p/dev/tickets, pays nothing",
        {},
        {},
        "2.98 USD",
        REUSED,
        "its own, taken up again",
    ),
    ("create", "", {}, {"adopt_job": "x"}, "unchanged", REUSED, "adopted: another's"),
    ("same", "", {"owned": False}, {}, "unchanged", "no", "another's, as before"),
    ("same", "", {}, {}, "2.98 USD", "no", "its own, as before"),
    ("replace", "", {}, {}, "2.98 USD → 5.96 USD", "re-trains", "the weights before stay, too"),
    (
        "replace",
        "uses x of nobody, pays nothing",
        {},
        {},
        "5.96 USD",
        REUSED,
        "back to weights that are there",
    ),
    ("replace", "", {"owned": False}, {}, "0.00 USD → 2.98 USD", "re-trains", "another's stay another's"),
    (
        "replace",
        "",
        {"job_output_uri": "gs://b/g"},
        {},
        "2.98 USD",
        "re-trains",
        "written into the same folder",
    ),
    ("delete", "", {}, {}, "2.98 USD", "no", "weights outlive the service"),
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
    assert words.a_month(service, "USD") == "2.98 USD → 0.00 USD"
    assert service.notes == ("its weights are deleted (delete_artifacts: true)",)


DEARER: list[tuple[Book, dict[str, Any], dict[str, Any], str, str]] = [
    (
        NODES,
        {},
        {"max_replicas": 3},
        "the monthly cost grows up to 3.0 times: 730.00 USD → 730.00 to 2,190.00 USD",
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
    assert [risk.text for risk in found.risks if "the monthly cost grows" in risk.text] == (
        [said] if said else []
    ), why


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
    assert "the known monthly costs rise from 730.00 to 1,460.00 USD" in said
    assert "not all costs are known: unchanged resources (preview without --show-sames)" in said


def test_both_models_and_the_evaluation_have_an_amount() -> None:
    before = {"service": "tickets", "machine_type": "m", "region": "us-central1", "fingerprint": "f"}
    after = {**before, "fingerprint": "g", "evaluation": {"threshold": 0.5}, "max_replicas": 2}
    found = built(step("replace", "DeployedModel", before, after), prices=NODES)
    assert [risk.text for risk in found.risks if risk.severity is Severity.LOW] == [
        "both models cost money during the rollout: 2.00 to 3.00 USD an hour",
        "its evaluation runs on the same machines before that: 1.00 to 2.00 USD an hour",
    ]


AGES = [
    (None, "list price of 2026-07-08", "the date alone"),
    (dt.date(2026, 9, 1), "list price of 2026-07-08", "not old yet"),
    (dt.date(2026, 12, 1), "2026-07-08 are older than 90 days; run `vertex-tuning prices refresh`", "old"),
]


@pytest.mark.parametrize(("today", "named", "why"), AGES, ids=[case[-1] for case in AGES])
def test_a_report_names_its_list_prices_and_their_age(today: dt.date | None, named: str, why: str) -> None:
    machine = {"service": "tickets", "machine_type": "g2-standard-12", "region": "us-central1"}
    found = built(step("create", "DeployedModel", None, machine), prices=list_prices(), today=today)
    totals = dict(words.totals(found))
    assert totals["A month"] == "0.00 USD → 840.01 USD"
    assert named in totals["Prices"], why
    assert ("older" in totals["Prices"]) == (why == "old")


def test_a_report_on_prices_by_hand_names_no_list_price() -> None:
    machine = {"service": "tickets", "machine_type": "m", "region": "us-central1"}
    found = built(step("create", "DeployedModel", None, machine), prices=NODES)
    assert "Prices" not in dict(words.totals(found))


def test_another_region_is_counted_as_us_central1_and_reported_as_not_known() -> None:
    machine = {"service": "tickets", "machine_type": "g2-standard-12", "region": "europe-west4"}
    found = built(step("create", "DeployedModel", None, machine), prices=list_prices())
    assert dict(words.totals(found))["Prices"] == "us-central1 list price of 2026-07-08"
    assert "not all costs are known: g2-standard-12 in europe-west4" in [risk.text for risk in found.risks]
