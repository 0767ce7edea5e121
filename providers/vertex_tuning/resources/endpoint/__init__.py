"""An endpoint, and taking models off it."""

from .kind import Endpoint, EndpointProvider

__all__ = ["Endpoint", "EndpointProvider"]
