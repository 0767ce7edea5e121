"""A stack's files: what may stand in them, what they share, and the checked stack that comes of them."""

from .layers import NAMESPACE
from .previewed import prices_of
from .settings import (
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
    "Prerequisites",
    "Service",
    "Settings",
    "Stack",
    "Target",
    "TuningQuota",
    "load",
    "prices_of",
]
