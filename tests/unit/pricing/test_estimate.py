"""Sums of what is known, which say what is not."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning.catalog import TuningMode
from vertex_tuning.pricing import (
    NO_PRICES,
    Book,
    Money,
    NodeHour,
    StorageMonth,
    TrainingTokens,
    read_book,
    write_book,
)
from vertex_tuning.resources import estimate

DATED: dict[str, Any] = {"currency": "EUR", "date": dt.date(2026, 1, 31), "source": "made up"}
MODEL = "meta/llama3_1@llama-3.1-8b"
TRAINING = TrainingTokens(base_model=MODEL, mode=TuningMode.FULL, price=Decimal(3), **DATED)
NODE = NodeHour(machine_type="g2-standard-12", region="us-central1", price=Decimal("0.5"), **DATED)
STORAGE = StorageMonth(region="us-central1", price=Decimal("0.02"), **DATED)
BOOK = Book((TRAINING, NODE, STORAGE))
JOB = {"base_model": MODEL, "mode": "FULL", "region": "us-central1", "billed_tokens": 2_000_000}
ONLY_REUSED = {**JOB, "reuse": "project", "retrain": "deny"}
DEPLOYED = {"machine_type": "g2-standard-12", "region": "us-central1", "min_replicas": 1, "max_replicas": 3}

CASES: list[tuple[Book, Any, Any, str, str, str, str]] = [
    (BOOK, JOB, DEPLOYED, "6.00 EUR", "0.50 to 1.50 EUR", "365.60 to 1,095.60 EUR", "all known"),
    (BOOK, JOB, None, "6.00 EUR", "0.00 EUR", "0.60 EUR", "not served: the weights are stored"),
    (BOOK, None, DEPLOYED, "0.00 EUR", "0.50 to 1.50 EUR", "365.00 to 1,095.00 EUR", "weights of the user's"),
    (BOOK, {**JOB, "adopt_job": "x"}, None, "0.00 EUR", "0.00 EUR", "0.00 EUR", "paid and stored by another"),
    (BOOK, ONLY_REUSED, None, "0.00 EUR", "0.00 EUR", "0.00 EUR", "it may not tune, only reuse"),
    (
        BOOK,
        {**JOB, "billed_tokens": None},
        None,
        "unknown (tokens of data that are not on this machine)",
        "0.00 EUR",
        "0.60 EUR",
        "gs:// data are not read in the program",
    ),
    (
        Book((NODE,)),
        JOB,
        {**DEPLOYED, "min_replicas": 3},
        f"unknown (training of {MODEL} FULL)",
        "1.50 EUR",
        "at least 1,095.00 EUR + unknown (storage in us-central1)",
        "a sum with an unknown part says so",
    ),
    (
        BOOK,
        None,
        {**DEPLOYED, "spot": True},
        "0.00 EUR",
        "unknown (spot g2-standard-12 in us-central1)",
        "unknown (spot g2-standard-12 in us-central1)",
        "spot is another price",
    ),
    (
        BOOK,
        None,
        {**DEPLOYED, "min_replicas": 0, "max_replicas": 1},
        "0.00 EUR",
        "0.00 to 0.50 EUR",
        "0.00 to 365.00 EUR",
        "scaled to zero costs nothing at its least",
    ),
    (
        BOOK,
        {**JOB, "billed_tokens": 100},
        None,
        "under 0.01 EUR",
        "0.00 EUR",
        "0.60 EUR",
        "little is not nothing",
    ),
]


@pytest.mark.parametrize(
    ("book", "job", "deployed", "once", "hourly", "monthly", "reason"), CASES, ids=[c[6] for c in CASES]
)
def test_estimates(
    book: Book, job: Any, deployed: Any, once: str, hourly: str, monthly: str, reason: str
) -> None:
    found = (("TuningJob", job), ("DeployedModel", deployed))
    resources = [(kind, inputs) for kind, inputs in found if inputs is not None]
    assert estimate(book, resources).told() == {"once": once, "hourly": hourly, "monthly": monthly}, reason


def test_without_a_book_everything_is_unknown() -> None:
    assert estimate(NO_PRICES, [("TuningJob", JOB), ("DeployedModel", DEPLOYED)]).told() == {
        "once": f"unknown (training of {MODEL} FULL)",
        "hourly": "unknown (g2-standard-12 in us-central1)",
        "monthly": "unknown (g2-standard-12 in us-central1, storage in us-central1)",
    }


def test_an_unknown_part_is_named_once_and_nothing_of_it_is_nothing() -> None:
    unknown = Money(unknown=("x",))
    assert (unknown + unknown).unknown == ("x",)
    assert unknown * 0 == Money()


def test_a_book_is_written_and_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    write_book(BOOK, path)
    assert read_book(path) == BOOK
    assert [entry.name for entry in tmp_path.iterdir()] == ["prices.json"]


def test_a_book_that_is_written_again_stays_as_private_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    write_book(BOOK, path)
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write_book(BOOK, path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "prices.json").mkdir()
    with pytest.raises(OSError, match="prices"):
        write_book(BOOK, tmp_path / "prices.json")
    assert [entry.name for entry in tmp_path.iterdir()] == ["prices.json"]


def row(**changes: Any) -> dict[str, Any]:
    return {
        "what": "storage, 1 GiB month",
        "region": "r",
        "price": "1",
        "currency": "USD",
        "date": "2026-01-31",
        "source": "s",
        **changes,
    }


BAD_BOOKS = [
    ([row(price="-1")], "not negative", "nobody pays us"),
    ([row(price="NaN")], "not negative", "not a number"),
    ([row(currency="dollars")], "currency", "an ISO code"),
    ([row(source="")], "source", "every price has a source"),
    ([{k: v for k, v in row().items() if k != "date"}], "date", "every price has a date"),
    ([row(what="coffee")], "what", "a closed set"),
    ([row(), row(price="2")], "priced twice", "which one?"),
    ([row(), row(region="q", currency="EUR")], "one currency", "sums of different currencies mean nothing"),
]


@pytest.mark.parametrize(("rows", "said", "reason"), BAD_BOOKS, ids=[case[2] for case in BAD_BOOKS])
def test_a_wrong_book_is_refused_in_one_line(
    tmp_path: Path, rows: list[dict[str, Any]], said: str, reason: str
) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"rows": rows}))
    with pytest.raises(ValueError, match=said) as refused:
        read_book(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value), reason


def test_a_book_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="prices refresh"):
        read_book(tmp_path / "none.json")
