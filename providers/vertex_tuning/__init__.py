"""Fine-tune and serve open models on Vertex AI with Pulumi.

Most programs need only ``TunedModelService``; its resources can be used alone. Importing this package has no
side effects and imports no Google client. Pulumi is imported when the first name is used, so commands start
without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import collecting

if TYPE_CHECKING:
    from .program import speed_up
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
    "speed_up",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with collecting.paused():
        if name == "speed_up":
            return import_module(".program", __name__).speed_up
        service, resources = import_module(".service", __name__), import_module(".resources", __name__)
    return getattr(resources if hasattr(resources, name) else service, name)
