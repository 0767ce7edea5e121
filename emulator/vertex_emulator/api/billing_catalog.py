"""Cloud Billing Catalog v1: services and their SKUs, as whoever runs the emulator has put them in.

The emulator has no prices of its own: until `PUT /emulator/prices` the catalogue is empty.
"""

import msgspec

from vertex_emulator.api.common import Json
from vertex_emulator.api.routing import Call, Route, books
from vertex_emulator.price_list import PriceList, Sku
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import invalid, not_found


def put_prices(call: Call) -> Json:
    """Replace the whole catalogue."""
    try:
        call.service.price_list = msgspec.convert(call.payload or {}, PriceList)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    return {"services": len(call.service.price_list.services)}


def list_services(call: Call) -> Json:
    """Every service."""
    services = [
        {
            "name": f"services/{service.service_id}",
            "serviceId": service.service_id,
            "displayName": service.display_name,
        }
        for service in call.service.price_list.services
    ]
    return pages.page(call.arguments("pageSize", "pageToken"), "services", services, by="serviceId")


def list_skus(call: Call) -> Json:
    """A service's SKUs, in the currency that they are written in: nothing is converted here."""
    arguments = call.arguments("pageSize", "pageToken", "currencyCode", "startTime", "endTime")
    wanted = call.params["service"]
    for service in call.service.price_list.services:
        if service.service_id == wanted:
            currency = arguments.get("currencyCode") or "USD"
            skus = [_shown(wanted, sku, currency) for sku in service.skus]
            return pages.page(arguments, "skus", skus, by="skuId")
    raise not_found(f"services/{wanted}")


def _shown(service: str, sku: Sku, currency: str) -> Json:
    if sku.currency != currency:
        raise invalid(f"The embedded catalogue has {sku.sku_id} in {sku.currency} and converts nothing.")
    unit_price = {"currencyCode": sku.currency, "units": str(sku.nanos // 10**9), "nanos": sku.nanos % 10**9}
    return {
        "name": f"services/{service}/skus/{sku.sku_id}",
        "skuId": sku.sku_id,
        "description": sku.description,
        "category": {"usageType": sku.usage_type},
        "serviceRegions": list(sku.regions),
        "pricingInfo": [
            {
                "pricingExpression": {
                    "usageUnit": sku.unit,
                    "tieredRates": [{"startUsageAmount": 0, "unitPrice": unit_price}],
                }
            }
        ],
    }


_CATALOG = "google.cloud.billing.v1.CloudCatalog"
ROUTES: tuple[Route, ...] = (
    books("GET", "/v1/services", f"{_CATALOG}.ListServices", list_services),
    books("GET", "/v1/services/{service}/skus", f"{_CATALOG}.ListSkus", list_skus),
    books("PUT", "/emulator/prices", "the emulator's own", put_prices),
)
