"""A stack's files: their keys, shared values, and the validated stack."""

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
