"""Observe, decide, act: the one bridge between resources and Pulumi."""

from .changes import Change, compare
from .declared import Declared
from .external import External, Reach, ResourceInputs
from .phases import Observation, Phase
from .provider import Provider, told
from .settle import NotReady

__all__ = [
    "Change",
    "Declared",
    "External",
    "NotReady",
    "Observation",
    "Phase",
    "Provider",
    "Reach",
    "ResourceInputs",
    "compare",
    "told",
]
