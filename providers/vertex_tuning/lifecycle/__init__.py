"""Observe, decide, act: the one bridge between resources and Pulumi."""

from .changes import EVERY_KIND, Change, compare
from .declared import Declared
from .external import Context, External, ResourceInputs
from .phases import Observation, Phase
from .provider import Provider
from .settle import NotReady
from .telling import HALF_DELETED, told

__all__ = [
    "EVERY_KIND",
    "HALF_DELETED",
    "Change",
    "Context",
    "Declared",
    "External",
    "NotReady",
    "Observation",
    "Phase",
    "Provider",
    "ResourceInputs",
    "compare",
    "told",
]
