"""A stack's files: what may stand in them, what they share, and the checked stack that comes of them."""

from .layers import Layer, read_shared
from .previewed import prices_of
from .settings import (
    NAMESPACE,
    STRUCTURED,
    InvalidStack,
    Prerequisites,
    Service,
    Settings,
    Stack,
    Target,
    TuningQuota,
    load,
)

__all__ = [
    "NAMESPACE",
    "STRUCTURED",
    "InvalidStack",
    "Layer",
    "Prerequisites",
    "Service",
    "Settings",
    "Stack",
    "Target",
    "TuningQuota",
    "load",
    "prices_of",
    "read_shared",
]
