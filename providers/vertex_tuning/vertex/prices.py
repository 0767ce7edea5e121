"""Public prices, out of the Cloud Billing Catalog."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from google.cloud.billing_v1 import CloudCatalogClient, ListSkusRequest

from ..pricing.skus import Sku
from .bounds import listed
from .connection import Connection
from .errors import InvalidRequest, translated
from .retry import CALL, looked_up

_PAGE = 5000


def list_skus(connection: Connection, services: Iterable[str], currency: str) -> tuple[Sku, ...]:
    """Every public SKU of these services, in one currency.

    Raises:
        VertexError: the catalogue cannot be reached or read.
    """
    with translated():
        client = connection.worldwide(CloudCatalogClient)
    found: list[Sku] = []
    for service in services:
        request = ListSkusRequest(parent=f"services/{service}", currency_code=currency, page_size=_PAGE)
        skus: list[Any] = looked_up(
            lambda: listed(client.list_skus(request, **CALL), "prices", lambda page: page.skus)  # noqa: B023 - called at once
        )
        found += [_sku(service, each) for each in skus if each.pricing_info]
    wrong = sorted({sku.currency for sku in found} - {currency})
    if wrong:
        raise InvalidRequest(f"asked for prices in {currency}, and got {', '.join(wrong)}")
    return tuple(found)


def _sku(service: str, sku: Any) -> Sku:
    expression = sku.pricing_info[-1].pricing_expression
    dearest = max((_amount(rate.unit_price) for rate in expression.tiered_rates), default=Decimal(0))
    return Sku(
        id=sku.sku_id,
        service=service,
        description=sku.description,
        regions=tuple(sku.service_regions),
        usage_type=sku.category.usage_type,
        unit=expression.usage_unit,
        price=dearest,
        currency=next((rate.unit_price.currency_code for rate in expression.tiered_rates), ""),
    )


def _amount(money: Any) -> Decimal:
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
