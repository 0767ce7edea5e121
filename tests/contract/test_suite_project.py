"""A project and its prices: what the plugin relies on, of every Vertex."""

import datetime as dt
from decimal import Decimal

import pytest

from tests.contract import real
from tests.contract.backends import REGION, Backend, Wire
from vertex_tuning.pricing import Book, list_prices
from vertex_tuning.pricing.skus import VERTEX_AI, refresh
from vertex_tuning.resources.readiness.checks import LOOKED_AT_BY, SERVICES
from vertex_tuning.vertex.prices import list_skus
from vertex_tuning.vertex.project import TUNING_QUOTA_ID


def test_billing_and_apis(backend: Backend) -> None:
    project = backend.vertex.project
    services = [*SERVICES, *LOOKED_AT_BY]
    assert project.billing_enabled(backend.project)
    assert project.enabled_services(backend.project, services) == set(services)


@pytest.mark.evidence("quotas.tuning-id", side="contract")
def test_the_quota_of_tuning_jobs(backend: Backend) -> None:
    quota = backend.vertex.project.tuning_quota(backend.project)
    assert quota.name == TUNING_QUOTA_ID
    assert quota.request is None, "nothing was asked for"
    assert quota.limit is not None
    assert quota.limit >= 1


@pytest.mark.evidence("quotas.preemptible", side="contract")
@pytest.mark.parametrize(
    ("preemptible", "name"),
    [
        (False, "CustomModelServingL4GPUsPerProjectPerRegion"),
        (True, "CustomModelServingPreemptibleL4GPUsPerProjectPerRegion"),
    ],
)
def test_the_quotas_of_serving(backend: Backend, *, preemptible: bool, name: str) -> None:
    project = backend.vertex.project
    quota = project.serving_quota(backend.project, REGION, "NVIDIA_L4", preemptible=preemptible)
    assert (quota.name, quota.limit is not None) == (name, True)
    assert project.serving_quota(backend.project, REGION, "NO_SUCH_ACCELERATOR").limit is None


@pytest.mark.evidence("prices.list", side="contract")
def test_a_machine_costs_what_the_list_price_says(backend: Backend, wire: Wire) -> None:
    skus = list_skus(wire.connection, [VERTEX_AI], "USD")
    found = refresh(Book(), skus, dt.date(2026, 11, 30), [REGION]).book.node(real.MACHINE, REGION, spot=False)
    listed = list_prices().node(real.MACHINE, REGION, spot=False)
    assert found is not None, "the catalogue words its SKUs otherwise"
    assert listed is not None
    assert abs(found / listed - 1) < Decimal("0.1"), f"{found} an hour, and {listed} in the list"
