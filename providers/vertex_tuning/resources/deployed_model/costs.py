"""What the machines of a deployment cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...pricing import Book, Estimate, Money
from ...pricing.money import span
from ...vertex.client import Deployed


def of_machines(
    book: Book, deployed: Mapping[str, Any], _service: Mapping[str, Mapping[str, Any]]
) -> Estimate:
    """The machines at the least and at the most replicas."""
    return Estimate(currency=book.currency, hourly=machines(book, deployed))


def price_of(book: Book, deployed: Mapping[str, Any]) -> str:
    """The price of an hour, for people; empty if it is not known."""
    hourly = machines(book, deployed)
    return "" if hourly[1].unknown else span(hourly, book.currency, " an hour")


def machines(book: Book, deployed: Mapping[str, Any]) -> tuple[Money, Money]:
    """An hour at the least and at the most replicas."""
    machine, region = str(deployed["machine_type"]), str(deployed["region"])
    one = book.node_money(machine, region, spot=bool(deployed.get("spot")))
    return one * int(deployed.get("min_replicas", 1)), one * int(deployed.get("max_replicas", 1))


def of_deployed(book: Book, endpoint: str, deployed: Deployed) -> tuple[Money, Money]:
    """An hour of what is on an endpoint, named in full, at the least and at the most replicas."""
    return machines(book, {**msgspec.to_builtins(deployed), "region": endpoint.split("/")[3]})
