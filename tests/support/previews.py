"""Previews made step by step, and the report on them."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from vertex_tuning.pricing import NO_PRICES, Book, NodeHour, StorageMonth
from vertex_tuning.report import Report, build, read_preview

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
DATASET = {
    "service": "tickets",
    "content": "sha256:a",
    "uri": "gs://test-bucket/a.jsonl",
    "source": "a.jsonl",
}
SERVED = {"service": "tickets", "machine_type": "m", "region": "r"}


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
