"""Observe, decide, act: the one bridge between resources and Pulumi."""

from .changes import EVERY_KIND, NOWHERE, Change, compare
from .declared import Declared
from .external import Context, External, ResourceInputs, Sparse
from .phases import Observation, Pace, Phase
from .provider import Provider
from .settle import NotReady
from .telling import HALF_DELETED, Refusal, told

__all__ = [
    "EVERY_KIND",
    "HALF_DELETED",
    "NOWHERE",
    "Change",
    "Context",
    "Declared",
    "External",
    "NotReady",
    "Observation",
    "Pace",
    "Phase",
    "Provider",
    "Refusal",
    "ResourceInputs",
    "Sparse",
    "compare",
    "told",
]
