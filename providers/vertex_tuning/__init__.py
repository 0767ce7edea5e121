"""Tuned open models on Vertex AI as declarative state, for Pulumi.

``TunedModelService`` is what most programs need; the resources it is made of can be used alone.
Importing this package has no side effects and imports no Google client.
"""

from . import collecting

with collecting.paused():
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
