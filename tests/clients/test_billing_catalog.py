"""The Cloud Billing Catalog through Google's client, and the price book that is made of it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import billing_v1
from typer.testing import CliRunner

from tests.support.emulator import RunningEmulator
from tests.support.google import rest
from vertex_tuning.cli.app import app
from vertex_tuning.pricing import read_book
from vertex_tuning.pricing.skus import CLOUD_STORAGE, VERTEX_AI
from vertex_tuning.vertex import Connection
from vertex_tuning.vertex.errors import VertexError
from vertex_tuning.vertex.prices import list_skus

PREDICTION = "Vertex AI: Online/Batch Prediction"


def sku(sku_id: str, description: str, unit: str, nanos: int, **more: Any) -> dict[str, Any]:
    return {
        "sku_id": sku_id,
        "description": description,
        "unit": unit,
        "nanos": nanos,
        "regions": ["us-central1"],
        **more,
    }


# Made up, and easy to tell apart.
SKUS = [
    sku("A", f"{PREDICTION} Nvidia L4 GPU running in Americas", "h", 1_500_000_000),
    sku("B", f"{PREDICTION} G2 Instance Core running in Americas", "h", 1_000_000),
    sku("C", f"{PREDICTION} G2 Instance Ram running in Americas", "GiBy.h", 1_000),
    *(sku(f"F{n:04}", f"Filler {n}", "count", n) for n in range(1200)),
]
STORAGE = [sku("S", "Standard Storage US Regional", "GiBy.mo", 20_000_000)]


@pytest.fixture
def catalog(emulator: RunningEmulator) -> RunningEmulator:
    emulator.admin.prices(
        {"service_id": VERTEX_AI, "display_name": "Vertex AI", "skus": SKUS},
        {"service_id": CLOUD_STORAGE, "display_name": "Cloud Storage", "skus": STORAGE},
    )
    return emulator


def test_services_and_skus_are_listed_page_by_page(catalog: RunningEmulator) -> None:
    client = rest(billing_v1.CloudCatalogClient, catalog.url)
    services = list(client.list_services(request={"page_size": 1}))
    assert [service.display_name for service in services] == ["Cloud Storage", "Vertex AI"]
    [name] = [service.name for service in services if service.service_id == VERTEX_AI]
    listed = list(client.list_skus(parent=name))
    assert len(listed) == len(SKUS)
    money = listed[0].pricing_info[0].pricing_expression.tiered_rates[0].unit_price
    assert (money.units, money.nanos, money.currency_code) == (1, 500_000_000, "USD")


def test_a_service_that_is_not_there_and_a_currency_that_is_not_kept(catalog: RunningEmulator) -> None:
    client = rest(billing_v1.CloudCatalogClient, catalog.url)
    with pytest.raises(exceptions.NotFound):
        client.list_skus(parent="services/none")
    with pytest.raises(VertexError, match="converts nothing"):
        list_skus(Connection(endpoint=catalog.url), [VERTEX_AI], "EUR")


def test_the_emulator_has_no_prices_of_its_own(emulator: RunningEmulator) -> None:
    emulator.admin.prices()
    assert list(rest(billing_v1.CloudCatalogClient, emulator.url).list_services()) == []


def test_a_book_is_refreshed_and_shown(
    catalog: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", catalog.url)
    path = tmp_path / "prices.json"
    ran = CliRunner().invoke(app, ["prices", "refresh", "--file", str(path), "--region", "us-central1"])
    assert ran.exit_code == 0, ran.output
    book = read_book(path)
    assert book.node("g2-standard-12", "us-central1", spot=False) == Decimal("1.512048")
    assert book.storage("us-central1") == Decimal("0.02")
    assert book.training("meta/llama3_1@llama-3.1-8b", "FULL") is None
    assert "unknown: training of meta/llama3_1@llama-3.1-8b FULL: no SKU matches" in ran.stderr
    assert "1.512048 USD" in ran.stdout
    assert {row.source for row in book.rows} == {
        "Cloud Billing Catalog: A, B, C",
        "Cloud Billing Catalog: S",
    }

    shown = CliRunner().invoke(app, ["prices", "show", "--file", str(path), "--json"])
    rows = json.loads(shown.stdout)["rows"]
    assert rows[: len(book.rows)] == json.loads(path.read_text())["rows"], "the book's rows win"
    prices = {row.get("machine_type"): row["source"] for row in rows[len(book.rows) :]}
    assert "g2-standard-12" not in prices
    assert prices["a2-highgpu-1g"].startswith("list price: "), "what it does not price is the package's"


def test_no_answer_leaves_the_book_as_it_is(
    catalog: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", catalog.url)
    catalog.admin.fault("/skus", "fail_before", status=403, message="no")
    path = tmp_path / "prices.json"
    path.write_text('{"rows": []}')
    ran = CliRunner().invoke(app, ["prices", "refresh", "--file", str(path)])
    assert ran.exit_code == 1
    assert ran.stderr.startswith("error: Cloud Billing Catalog: ")
    assert path.read_text() == '{"rows": []}'
    catalog.admin.clear_faults()
