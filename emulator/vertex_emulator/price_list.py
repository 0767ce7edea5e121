"""The Cloud Billing Catalog's content; empty by default."""

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Sku(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is billed; `nanos` is the price of one `unit` in billionths of the currency."""

    sku_id: Text
    description: Text
    unit: Text
    nanos: Annotated[int, msgspec.Meta(ge=0)]
    regions: tuple[str, ...] = ()
    usage_type: str = "OnDemand"
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "USD"


class PricedService(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service with its SKUs."""

    service_id: Text
    display_name: str = ""
    skus: tuple[Sku, ...] = ()


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The catalogue."""

    services: tuple[PricedService, ...] = ()
