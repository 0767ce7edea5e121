"""The prerequisites of a service."""

from .kind import Readiness, ReadinessProvider

__all__ = ["Readiness", "ReadinessProvider"]
