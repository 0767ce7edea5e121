"""The report counts with the book that the stack was counted with, whichever file names it."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from vertex_tuning.stack import prices_of

CONFIG = {"vertex-tuning:team": "search", "vertex-tuning:environment": "dev", "vertex-tuning:services": "[]"}
PLACES: list[tuple[dict[str, str], str | None, str | None, Decimal | None, str]] = [
    ({}, None, None, None, "no book anywhere"),
    ({}, None, "prices.json", Decimal(2), "the one that lies there"),
    ({"vertex-tuning:prices": "own.json"}, None, "own.json", Decimal(2), "the stack's own file names it"),
    ({}, "defaults.yaml", "shared.json", Decimal(2), "the defaults name it"),
    ({}, "environments/dev.yaml", "shared.json", Decimal(2), "the environment names it"),
    ({}, "teams/search.yaml", "shared.json", Decimal(2), "the team names it"),
    ({}, "teams/other.yaml", "shared.json", None, "another team's file is not read"),
]


@pytest.mark.parametrize(("own", "shared", "book", "price", "why"), PLACES, ids=[case[-1] for case in PLACES])
def test_which_book(
    tmp_path: Path, own: dict[str, str], shared: str | None, book: str | None, price: Decimal | None, why: str
) -> None:
    row = {"what": "storage, 1 GiB month", "region": "r", "price": "2", "currency": "USD"}
    if book is not None:
        (tmp_path / book).write_text(
            json.dumps({"rows": [{**row, "date": "2026-01-31", "source": "made up"}]})
        )
    if shared is not None:
        path = tmp_path / "stacks" / shared
        path.parent.mkdir(parents=True)
        path.write_text("prices: shared.json\n")
    assert prices_of({**CONFIG, **own}, tmp_path).storage("r") == price, why


def test_a_named_book_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"own\.json"):
        prices_of({**CONFIG, "vertex-tuning:prices": "own.json"}, tmp_path)
