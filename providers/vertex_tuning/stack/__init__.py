"""A stack's files: what may stand in them, what they share, and the checked stack that comes of them."""

from .layers import Layer, read_shared
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
    "read_shared",
]
