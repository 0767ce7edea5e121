"""One package a kind: inputs, outputs, change table, external calls."""

from collections.abc import Iterable, Mapping
from typing import Any

from .. import collecting

with collecting.paused():
    from ..lifecycle import Provider
    from ..lifecycle.facts import in_order
    from ..pricing import Book, Estimate
    from .deployed_model import DeployedModel, DeployedModelProvider
    from .endpoint import Endpoint, EndpointProvider
    from .readiness import Readiness, ReadinessProvider
    from .tuned_model import TunedModel, TunedModelProvider
    from .tuning_dataset import TuningDataset, TuningDatasetProvider
    from .tuning_job import TuningJob, TuningJobProvider

PROVIDERS: tuple[type[Provider[Any]], ...] = (
    ReadinessProvider,
    TuningDatasetProvider,
    TuningJobProvider,
    TunedModelProvider,
    EndpointProvider,
    DeployedModelProvider,
)
"""Every kind, in the order in which a service has them."""

KINDS = {provider.kind: provider for provider in PROVIDERS}
"""The same by name."""

in_order(part for provider in PROVIDERS for part in provider.parts)


def estimate(book: Book, resources: Iterable[tuple[str, Mapping[str, Any]]]) -> Estimate:
    """What the resources of one service cost together, each given as its kind and its inputs."""
    found = [*resources]
    service = dict(found)
    each = (KINDS[kind].costs(book, inputs, service) for kind, inputs in found)
    return sum(each, start=Estimate(currency=book.currency))


__all__ = [
    "KINDS",
    "PROVIDERS",
    "DeployedModel",
    "Endpoint",
    "Readiness",
    "TunedModel",
    "TuningDataset",
    "TuningJob",
    "estimate",
]
