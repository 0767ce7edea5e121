"""Tuned open models on Vertex AI as declarative state, for Pulumi.

``TunedModelService`` is what most programs need; the resources it is made of can be used alone.
Importing this package has no side effects and imports no Google client. Pulumi is imported with the first
of its names: commands that declare nothing start without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import collecting

if TYPE_CHECKING:
    from .resources import DeployedModel, Endpoint, Readiness, TunedModel, TuningDataset, TuningJob
    from .service import InvalidSpec, TunedModelService
    from .specs import ServiceSpec, ServingSpec, TuningSpec

__all__ = [
    "DeployedModel",
    "Endpoint",
    "InvalidSpec",
    "Readiness",
    "ServiceSpec",
    "ServingSpec",
    "TunedModel",
    "TunedModelService",
    "TuningDataset",
    "TuningJob",
    "TuningSpec",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with collecting.paused():
        service, resources = import_module(".service", __name__), import_module(".resources", __name__)
    return getattr(resources if hasattr(resources, name) else service, name)
