"""Google's list prices come with the package: dated, sourced, under the user's own rows, never guessed."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning import catalog, cost
from vertex_tuning.pricing import (
    Basis,
    Book,
    NodeHour,
    TrainingTokens,
    find_book,
    list_prices,
    stale,
)
from vertex_tuning.pricing.skus import Sku, refresh
from vertex_tuning.resources import estimate

L4 = "g2-standard-12"
LLAMA = "meta/llama3_1@llama-3.1-8b"
UNPUBLISHED = ("qwen/qwen3-5", "qwen/qwen3-6", "zai-org/")
"""Families that no published price list names."""
DATED: dict[str, Any] = {"currency": "USD", "date": dt.date(2026, 11, 1), "source": "our contract"}


def deployed(**changes: Any) -> dict[str, Any]:
    return {"machine_type": L4, "region": "us-central1", **changes}


@pytest.mark.evidence("prices.list", side="plugin")
@pytest.mark.parametrize("model", catalog.models(), ids=lambda model: str(model.id))
def test_every_model_has_its_published_price_in_every_mode(model: catalog.BaseModel) -> None:
    published = not model.id.startswith(UNPUBLISHED)
    for mode in model.max_sequence:
        assert (list_prices().training(model.id, mode) is not None) == published


@pytest.mark.parametrize(
    "machine", [machine for machine, _, _ in catalog.machines() if not machine.startswith("a4")]
)
def test_every_machine_has_a_price_in_us_central1_and_no_spot_price(machine: str) -> None:
    assert list_prices().node(machine, "us-central1", spot=False)
    assert list_prices().node(machine, "us-central1", spot=True) is None


def test_every_row_is_dated_and_says_where_it_is_from() -> None:
    for row in list_prices().rows:
        assert row.listed
        assert row.currency == "USD"
        assert dt.date(2026, 7, 1) <= row.date <= dt.date(2026, 11, 30)


AMOUNTS: list[tuple[dict[str, Any], str, str]] = [
    (deployed(), "1.15 USD (list price of 2026-07-08)", "captured there"),
    (deployed(max_replicas=3), "1.15 to 3.45 USD (list price of 2026-07-08)", "least to most"),
    (
        deployed(region="europe-west4"),
        "1.15 USD (us-central1 list price of 2026-07-08, assumed for g2-standard-12 in europe-west4)",
        "another region: an assumption that says so",
    ),
    (deployed(spot=True), "unknown (spot g2-standard-12 in us-central1)", "no list price"),
    (deployed(machine_type="m"), "unknown (m in us-central1)", "a machine without a price"),
]


@pytest.mark.parametrize(("served", "hourly", "why"), AMOUNTS, ids=[case[-1] for case in AMOUNTS])
def test_amounts_name_their_list_price(served: dict[str, Any], hourly: str, why: str) -> None:
    assert estimate(list_prices(), [("DeployedModel", served)]).told()["hourly"] == hourly, why


def test_a_tuning_costs_its_tokens_at_the_list_price() -> None:
    job = {"base_model": LLAMA, "mode": "PEFT_ADAPTER", "region": "us-central1", "billed_tokens": 11_604}
    assert (
        estimate(list_prices(), [("TuningJob", job)]).told()["once"] == "0.01 USD (list price of 2026-08-01)"
    )


def book(tmp_path: Path, *rows: dict[str, Any], currency: str = "USD") -> Book:
    dated = {"currency": currency, "date": "2026-11-01", "source": "our contract"}
    (tmp_path / "prices.json").write_text(json.dumps({"rows": [{**row, **dated} for row in rows]}))
    return find_book(None, tmp_path)


NODE = {"what": "node, 1 hour", "machine_type": L4, "region": "us-central1", "price": "0.5"}


def test_rows_by_hand_win_and_the_list_prices_fill_the_rest(tmp_path: Path) -> None:
    found = book(tmp_path, NODE, {"what": "training, 1M tokens", "base_model": LLAMA, "price": "0.1"})
    assert estimate(found, [("DeployedModel", deployed())]).told()["hourly"] == "0.50 USD", (
        "a price of one's own: no date"
    )
    assert found.node("g2-standard-48", "us-central1", spot=False) == Decimal("4.6028")
    assert found.training(LLAMA, "FULL") == Decimal("0.1"), "without a mode: in every mode"
    europe = estimate(found, [("DeployedModel", deployed(region="europe-west4"))])
    assert europe.hourly[0].unknown, "a contract's price is assumed nowhere else"


def test_a_book_in_another_currency_is_not_mixed_with_dollars(tmp_path: Path) -> None:
    found = book(tmp_path, NODE, currency="EUR")
    assert (found.currency, len(found.rows)) == ("EUR", 1)


def test_a_row_of_one_mode_wins_over_that_of_every_mode() -> None:
    full = TrainingTokens(base_model=LLAMA, mode=catalog.TuningMode.FULL, price=Decimal(9), **DATED)
    found = Book((full,)).over(list_prices())
    assert found.training(LLAMA, "FULL") == 9
    assert found.training(LLAMA, "PEFT_ADAPTER") == Decimal("0.67")


def test_a_refresh_writes_no_list_price_of_the_package_and_wins_over_them() -> None:
    day = dt.date(2026, 11, 30)
    sku = Sku(
        id="A-B",
        service="C7E2-9256-1C43",
        description="Llama 3.1 8B Tuning - Full",
        regions=(),
        usage_type="OnDemand",
        unit="count",
        price=Decimal("0.000001"),
        currency="USD",
    )
    done = refresh(Book(), [sku], day, ["us-central1"]).book
    assert {row.date for row in done.rows} == {day}
    job = {"base_model": LLAMA, "mode": "FULL", "region": "us-central1", "billed_tokens": 1_000_000}
    assert (
        estimate(done.over(list_prices()), [("TuningJob", job)]).told()["once"]
        == "1.00 USD (list price of 2026-11-30)"
    )


AGES = [
    (dt.date(2026, 10, 30), (), "90 days are not older than 90 days"),
    (dt.date(2026, 10, 31), ("2026-08-01",), "91 days"),
    (dt.date(2027, 3, 1), ("2026-08-01", "2026-09-20"), "each date once"),
]


@pytest.mark.parametrize(("today", "named", "why"), AGES, ids=[case[-1] for case in AGES])
def test_prices_older_than_ninety_days_are_reported(today: dt.date, named: tuple[str, ...], why: str) -> None:
    told = stale([Basis("", dt.date(2026, 8, 1)), Basis("", dt.date(2026, 9, 20))], today)
    assert bool(told) == bool(named), why
    assert all(date in told for date in named)
    assert not told or "prices refresh" in told


RATES = [
    (LLAMA, "PEFT_ADAPTER", 317),
    (LLAMA, "FULL", 247),
    ("meta/llama3-3@llama-3.3-70b-instruct", "PEFT_ADAPTER", 317),
    ("meta/llama4@llama-4-scout-17b-16e-instruct", "PEFT_ADAPTER", 295),
    ("google/gemma3@gemma-3-27b-it", "PEFT_ADAPTER", 231),
    ("google/medgemma@medgemma-1.5-4b-it", "FULL", 231),
    ("google/gemma4@gemma-4-31b-it", "PEFT_ADAPTER", 236),
    ("qwen/qwen3@qwen3-32b", "FULL", 246),
    ("qwen/qwen3-6@qwen3.6-27b", "PEFT_ADAPTER", 317),
    ("someone/new@model", "FULL", 317),
]


@pytest.mark.evidence("prices.tokens", side="plugin")
@pytest.mark.parametrize(("model", "mode", "tokens"), RATES)
def test_tokens_are_what_was_measured_for_the_family_and_mode(model: str, mode: str, tokens: int) -> None:
    assert catalog.billed_tokens(model, mode, 1000) == tokens
    assert catalog.billed_tokens(model, mode, 1) == 1, "rounded up"


def test_an_assumed_rate_is_named_and_a_measured_one_is_not() -> None:
    assert "assumed" not in cost.tuning(LLAMA, "FULL", 1, 10)
    assert "about 10 training tokens (assumed: 0.317 a character)" in cost.tuning("x/y@z", "FULL", 1, 10)


def test_a_node_by_hand_has_no_list_price() -> None:
    row = NodeHour(machine_type=L4, region="us-central1", price=Decimal(1), **DATED)
    assert not row.listed
    assert row.money(2).told("USD", " an hour") == "2.00 USD an hour"
