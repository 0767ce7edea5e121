"""The one place that talks to Google.

Nothing outside this package imports a Google client, and importing this package imports none:
a settled stack's preview must not pay for them.
"""

from .client import Vertex
from .connection import Connection
from .google import connect

__all__ = ["Connection", "Vertex", "connect"]
