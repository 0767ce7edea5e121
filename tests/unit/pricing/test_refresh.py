"""Rows come from SKUs that match; what does not match, or matches twice, stays unknown and is told."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from vertex_tuning.catalog import TuningMode
from vertex_tuning.pricing import Book, NodeHour, StorageMonth, TrainingTokens
from vertex_tuning.pricing.skus import CLOUD_STORAGE, VERTEX_AI, Sku, refresh

TODAY = dt.date(2026, 1, 31)
REGION = "us-central1"


def sku(description: str, price: str, unit: str = "h", **changes: Any) -> Sku:
    given = {
        "id": f"id-{description[-12:]}-{price}",
        "service": VERTEX_AI,
        "regions": (REGION,),
        "usage_type": "OnDemand",
        "currency": "USD",
    }
    return Sku(description=description, price=Decimal(price), unit=unit, **{**given, **changes})


# Prices are made up: powers of ten show which part each came from.
L4 = sku("Vertex AI: Online/Batch Prediction Nvidia L4 GPU running in Americas", "1000")
CORE = sku("Vertex AI: Online/Batch Prediction G2 Instance Core running in Americas", "10")
RAM = sku("Vertex AI: Online/Batch Prediction G2 Instance Ram running in Americas", "0.1", "GiBy.h")


def one_node(*skus: Sku, machine: str = "g2-standard-12") -> Decimal | None:
    return refresh(Book(), skus, TODAY, [REGION]).book.node(machine, REGION, spot=False)


def test_a_machine_is_its_accelerators_its_cores_and_its_memory() -> None:
    done = refresh(Book(), [L4, CORE, RAM], TODAY, [REGION])
    assert done.book.node("g2-standard-12", REGION, spot=False) == 1000 + 12 * 10 + 48 * Decimal("0.1")
    assert done.book.node("g2-standard-24", REGION, spot=False) == 2 * 1000 + 24 * 10 + 96 * Decimal("0.1")
    [row] = [r for r in done.book.rows if isinstance(r, NodeHour) and r.machine_type == "g2-standard-12"]
    assert row.date == TODAY
    assert row.source == f"Cloud Billing Catalog: {L4.id}, {CORE.id}, {RAM.id}"


UNKNOWN = [
    ([L4, CORE], "no SKU matches", "a part is missing: no half a price"),
    ([L4, CORE, sku(RAM.description, "0.1", "By.h")], "billed by By.h", "another unit than was expected"),
    (
        [L4, CORE, RAM, sku(CORE.description, "11")],
        "match with different prices",
        "which of the two cannot be said",
    ),
    ([sku(L4.description, "1", usage_type="Preemptible"), CORE, RAM], "no SKU", "spot is another price"),
    ([sku(L4.description, "1", regions=("asia-east1",)), CORE, RAM], "no SKU", "sold elsewhere"),
    ([sku(L4.description, "1", service=CLOUD_STORAGE), CORE, RAM], "no SKU", "another service's SKU"),
    (
        [sku("Vertex AI: Training/Pipelines on Nvidia L4 GPU running in Americas", "1"), CORE, RAM],
        "no SKU",
        "training, not serving",
    ),
]


@pytest.mark.parametrize(("skus", "why", "reason"), UNKNOWN, ids=[case[2] for case in UNKNOWN])
def test_what_stays_unknown(skus: list[Sku], why: str, reason: str) -> None:
    done = refresh(Book(), skus, TODAY, [REGION])
    assert done.book.node("g2-standard-12", REGION, spot=False) is None, reason
    [told] = [line for line in done.missing if line.startswith("g2-standard-12 in us-central1: ")]
    assert why in told, reason


def test_two_skus_of_the_same_price_are_as_good_as_one() -> None:
    assert one_node(L4, CORE, RAM, sku(CORE.description, "10", id="other")) == one_node(L4, CORE, RAM)


def test_the_two_sizes_of_an_a100_are_told_apart() -> None:
    skus = [
        sku("Vertex AI: Online/Batch Prediction Nvidia Tesla A100 GPU running in Iowa", "1"),
        sku("Vertex AI: Online/Batch Prediction Nvidia A100 80gb GPU running in Iowa", "2"),
        sku("Vertex AI: Online/Batch Prediction A2 Instance Core running in Iowa", "0"),
        sku("Vertex AI: Online/Batch Prediction A2 Instance Ram running in Iowa", "0", "GiBy.h"),
    ]
    assert one_node(*skus, machine="a2-highgpu-1g") == 1
    assert one_node(*skus, machine="a2-ultragpu-1g") == 2


def test_training_is_priced_by_model_and_mode_for_a_million_tokens() -> None:
    skus = [
        sku("Llama 3.1 8B Tuning - LoRA", "0.000002", "count"),
        sku("Llama 3.1 8B Tuning - Full", "0.000003", "count"),
        sku("Llama 3.3 70B Tuning - Full", "0.000004", "count"),
    ]
    book = refresh(Book(), skus, TODAY, [REGION]).book
    assert book.training("meta/llama3_1@llama-3.1-8b", "PEFT_ADAPTER") == 2
    assert book.training("meta/llama3_1@llama-3.1-8b-instruct", "FULL") == 3, "base and instruct are one size"
    assert book.training("meta/llama3-3@llama-3.3-70b-instruct", "FULL") == 4
    assert book.training("meta/llama3-3@llama-3.3-70b-instruct", "PEFT_ADAPTER") is None


def test_skus_that_speak_of_tuning_are_shown_to_whoever_has_to_write_the_row() -> None:
    done = refresh(Book(), [sku("Managed tuning of open models, small", "1", "count")], TODAY, [REGION])
    assert done.missing[-1] == "mentions tuning and matches nothing: Managed tuning of open models, small"


def test_storage() -> None:
    skus = [
        sku("Standard Storage US Regional", "0.5", "GiBy.mo", service=CLOUD_STORAGE),
        sku("Standard Storage US Multi-region", "0.7", "GiBy.mo", service=CLOUD_STORAGE),
    ]
    assert refresh(Book(), skus, TODAY, [REGION]).book.storage(REGION) == Decimal("0.5")


def test_rows_by_hand_stay_and_win_and_the_catalogue_s_own_are_replaced() -> None:
    dated: dict[str, Any] = {"currency": "USD", "date": dt.date(2025, 1, 1)}
    spot = NodeHour(
        machine_type="g2-standard-12",
        region=REGION,
        spot=True,
        price=Decimal(7),
        source="our contract",
        **dated,
    )
    own = NodeHour(
        machine_type="g2-standard-12", region=REGION, price=Decimal(8), source="our contract", **dated
    )
    stale = StorageMonth(region=REGION, price=Decimal(9), source="Cloud Billing Catalog: old", **dated)
    trained = TrainingTokens(
        base_model="meta/llama3_1@llama-3.1-8b",
        mode=TuningMode.FULL,
        price=Decimal(3),
        source="invoice",
        **dated,
    )
    done = refresh(Book((spot, own, stale, trained)), [L4, CORE, RAM], TODAY, [REGION])
    assert done.book.node("g2-standard-12", REGION, spot=True) == 7
    assert done.book.node("g2-standard-12", REGION, spot=False) == 8
    assert done.book.storage(REGION) is None, "a price that is no longer told is no longer known"
    assert done.book.training("meta/llama3_1@llama-3.1-8b", "FULL") == 3


def test_a_refresh_of_one_region_leaves_the_others_rows() -> None:
    dated: dict[str, Any] = {
        "currency": "USD",
        "date": dt.date(2025, 1, 1),
        "source": "Cloud Billing Catalog: x",
    }
    here, there = (
        StorageMonth(region=region, price=Decimal(9), **dated) for region in (REGION, "europe-west4")
    )
    trained = TrainingTokens(
        base_model="meta/llama3_1@llama-3.1-8b", mode=TuningMode.FULL, price=Decimal(3), **dated
    )
    done = refresh(Book((here, there, trained)), [L4, CORE, RAM], TODAY, [REGION]).book
    assert done.storage("europe-west4") == 9, "nobody asked about it"
    assert done.storage(REGION) is None, "a price that is no longer told is no longer known"
    assert done.training("meta/llama3_1@llama-3.1-8b", "FULL") is None, "so is tuning, which has no region"


def test_what_is_sold_by_the_decimal_unit_is_counted_by_the_binary_one() -> None:
    gib = Decimal(2**30) / Decimal(10**9)
    storage = sku("Standard Storage US Regional", "0.5", "GBy.mo", service=CLOUD_STORAGE)
    assert refresh(Book(), [storage], TODAY, [REGION]).book.storage(REGION) == Decimal("0.5") * gib
    ram = sku(RAM.description, "1", "GBy.h")
    assert one_node(L4, CORE, ram) == 1000 + 12 * 10 + 48 * gib
