"""One package a kind: inputs, outputs, change table, external calls."""

from typing import Any

from .. import collecting

with collecting.paused():
    from ..lifecycle import Provider
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

__all__ = [
    "KINDS",
    "PROVIDERS",
    "DeployedModel",
    "Endpoint",
    "Readiness",
    "TunedModel",
    "TuningDataset",
    "TuningJob",
]
