"""Map SKUs of the Cloud Billing Catalog to rows of a price book.

Serving has three SKUs per machine family: accelerators and virtual CPUs by the hour, memory by the GiB hour.
Spot machines are billed through Compute Engine and a management fee: write their rows by hand. How the
catalogue names the tuning of open models could not be checked: unmatched items stay unknown, and SKUs that
mention tuning are listed, so that rows can be written by hand.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from ..catalog import BaseModel, Shape, TuningMode, machines, models, shapes, tuning_regions
from .book import FROM_CATALOG, Book, NodeHour, Row, StorageMonth, TrainingTokens

VERTEX_AI = "C7E2-9256-1C43"
CLOUD_STORAGE = "95FF-2EF5-5EA1"
SERVICES = (VERTEX_AI, CLOUD_STORAGE)

_PREDICTION = r"Vertex AI: Online/Batch Prediction "
_ACCELERATORS = {
    "NVIDIA_L4": r"Nvidia L4",
    "NVIDIA_TESLA_A100": r"Nvidia (Tesla )?A100",
    "NVIDIA_A100_80GB": r"Nvidia A100 80gb",
    "NVIDIA_H100_80GB": r"Nvidia H100 80gb",
    "NVIDIA_H100_MEGA_80GB": r"Nvidia H100 80gb (Mega|Plus)",
    "NVIDIA_H200_141GB": r"Nvidia H200( 141gb)?",
    "NVIDIA_B200": r"Nvidia B200",
    "NVIDIA_RTX_PRO_6000": r"Nvidia RTX Pro 6000",
}
_FAMILIES = {"a3-megagpu": r"A3 ?(Mega|Plus)", "a3-ultragpu": r"A3 ?Ultra"}
_MODES = {
    TuningMode.FULL: r"\bfull\b",
    TuningMode.PEFT_ADAPTER: r"\b(peft|lora|adapter|parameter[- ]efficient)\b",
}
_HOUR, _GIB_HOUR, _TOKEN, _GIB_MONTH = ("h",), ("GiBy.h", "GBy.h"), ("count",), ("GiBy.mo", "GBy.mo")
_GIB_OF_GB = Decimal(2**30) / Decimal(10**9)
"""What is sold by the GB (``GBy``) costs more by the GiB, which machines and weights are measured in."""
_TUNING = re.compile(r"tun(ing|ed)\b", re.IGNORECASE)


class Sku(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a SKU that are used here.

    Attributes:
        price: of one ``unit``, in the most expensive tier.
    """

    id: str
    service: str
    description: str
    regions: tuple[str, ...]
    usage_type: str
    unit: str
    price: Decimal
    currency: str


class Refreshed(msgspec.Struct, frozen=True):
    """A new book, and one line for each missing price."""

    book: Book
    missing: tuple[str, ...]


class Unmatched(Exception):
    """No SKU, or several with different prices, match a wanted price."""


def refresh(old: Book, skus: Sequence[Sku], today: dt.date, wanted: Iterable[str] = ()) -> Refreshed:
    """The rows from the catalogue, and those of ``old`` that are by hand or of other regions.

    Args:
        old: the book so far.
        skus: the services' SKUs, in one currency.
        today: the date of each row.
        wanted: regions; by default every region that tunes open models. Rows of others stay.
    """
    places = tuple(wanted) or tuning_regions()
    kept = [row for row in old.rows if not _replaced(row, places)]
    taken = {row.key for row in kept}
    rows, missing = list[Row](), list[str]()
    for what, found in _rows(skus, today, places):
        if isinstance(found, Unmatched):
            missing.append(f"{what}: {found}")
        elif found.key not in taken:
            rows.append(found)
    if any(what.startswith("training") for what in missing):
        speak = sorted({sku.description for sku in skus if _TUNING.search(sku.description)})
        missing += [f"mentions tuning and matches nothing: {text}" for text in speak[:20]]
    return Refreshed(Book((*kept, *rows)), tuple(missing))


def _replaced(row: Row, places: Sequence[str]) -> bool:
    """Whether a refresh of these regions replaces this row; tuning has no region."""
    asked = isinstance(row, TrainingTokens) or row.region in places
    return asked and row.source.startswith(FROM_CATALOG)


def _rows(
    skus: Sequence[Sku], today: dt.date, places: Sequence[str]
) -> Iterator[tuple[str, Row | Unmatched]]:
    on_demand = [sku for sku in skus if sku.usage_type == "OnDemand"]
    for model in models():
        for mode in model.max_sequence:
            yield f"training of {model.id} {mode}", _tried(partial(_training, on_demand, model, mode, today))
    for region in places:
        here = [sku for sku in on_demand if region in sku.regions]
        for shape in shapes():
            yield f"{shape.machine} in {region}", _tried(partial(_node, here, shape, region, today))
        yield f"storage in {region}", _tried(partial(_storage, here, region, today))


def _tried(make: Callable[[], Row]) -> Row | Unmatched:
    try:
        return make()
    except Unmatched as why:
        return why


def _training(skus: Sequence[Sku], model: BaseModel, mode: TuningMode, today: dt.date) -> Row:
    words = re.sub(r" (Instruct|IT)$", "", model.label).split()
    name = r"[ -]?".join(map(re.escape, words))
    of_model = [
        sku
        for sku in skus
        if sku.service == VERTEX_AI
        and _TUNING.search(sku.description)
        and re.search(rf"\b{name}\b", sku.description, re.IGNORECASE)
    ]
    sku = _one(of_model, _MODES[mode], _TOKEN)
    return TrainingTokens(base_model=model.id, mode=mode, price=sku.price * 1_000_000, **_dated([sku], today))


def _node(skus: Sequence[Sku], shape: Shape, region: str, today: dt.date) -> Row:
    accelerator, count = next((kind, n) for name, kind, n in machines() if name == shape.machine)
    kind = shape.machine.rsplit("-", 1)[0]
    family = _FAMILIES.get(kind, shape.machine[:2].upper())
    of_vertex = [sku for sku in skus if sku.service == VERTEX_AI]
    gpu = _one(of_vertex, rf"^{_PREDICTION}{_ACCELERATORS[accelerator]} GPU running in ", _HOUR)
    core = _one(of_vertex, rf"^{_PREDICTION}{family} (Predefined )?Instance Core running in ", _HOUR)
    memory = _one(of_vertex, rf"^{_PREDICTION}{family} (Predefined )?Instance Ram running in ", _GIB_HOUR)
    return NodeHour(
        machine_type=shape.machine,
        region=region,
        price=gpu.price * count + core.price * shape.vcpus + memory.price * shape.memory_gib,
        **_dated([gpu, core, memory], today),
    )


def _storage(skus: Sequence[Sku], region: str, today: dt.date) -> Row:
    of_storage = [sku for sku in skus if sku.service == CLOUD_STORAGE]
    sku = _one(of_storage, r"^Standard Storage (?!.*(Dual|Multi)[- ]?region)", _GIB_MONTH)
    return StorageMonth(region=region, price=sku.price, **_dated([sku], today))


def _one(skus: Sequence[Sku], pattern: str, units: tuple[str, ...]) -> Sku:
    """The SKU that matches; several with the same price count as one."""
    found = [sku for sku in skus if re.search(pattern, sku.description, re.IGNORECASE)]
    fit = [_by_gib(sku) for sku in found if sku.unit in units]
    if found and not fit:
        raise Unmatched(f"{found[0].description!r} is billed by {found[0].unit}, not by {' or '.join(units)}")
    if not fit:
        raise Unmatched("no SKU matches")
    if len({sku.price for sku in fit}) > 1:
        raise Unmatched(f"{len(fit)} SKUs match with different prices: {', '.join(sku.id for sku in fit)}")
    return min(fit, key=lambda sku: sku.id)


def _by_gib(sku: Sku) -> Sku:
    decimal = sku.unit.startswith("GBy.")
    return msgspec.structs.replace(sku, price=sku.price * _GIB_OF_GB) if decimal else sku


def _dated(skus: Sequence[Sku], today: dt.date) -> dict[str, Any]:
    source = f"{FROM_CATALOG}{', '.join(dict.fromkeys(sku.id for sku in skus))}"
    return {"currency": skus[0].currency, "date": today, "source": source}
