"""Observe, decide, act: the one bridge between resources and Pulumi."""

from .changes import EVERY_KIND, NOWHERE, Change, compare
from .declared import Declared
from .external import Context, External, ResourceInputs
from .facts import Judged
from .phases import Observation, Phase
from .provider import Provider
from .settle import NotReady
from .telling import HALF_DELETED, told

__all__ = [
    "EVERY_KIND",
    "HALF_DELETED",
    "NOWHERE",
    "Change",
    "Context",
    "Declared",
    "External",
    "Judged",
    "NotReady",
    "Observation",
    "Phase",
    "Provider",
    "ResourceInputs",
    "compare",
    "told",
]
