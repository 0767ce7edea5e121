"""Vertex AI and what belongs to it, over Google's own clients, each imported and made at its first use."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from .connection import Connection

if TYPE_CHECKING:
    from .client import Project, Serving, Storage, TuningJobs, Vertex

# Google's packages import each other in circles: two threads at once see them half made.
_IMPORTING = threading.RLock()


class GoogleVertex:
    """The real thing, over Google's own clients; each is imported and made at its first use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def jobs(self) -> TuningJobs:
        """Tuning jobs."""
        with _IMPORTING:
            from .tuning_jobs import GoogleTuningJobs

            return GoogleTuningJobs(self._connection)

    @cached_property
    def serving(self) -> Serving:
        """Endpoints and models."""
        with _IMPORTING:
            from .serving import GoogleServing

            return GoogleServing(self._connection)

    @cached_property
    def storage(self) -> Storage:
        """Objects."""
        with _IMPORTING:
            from .storage import GoogleStorage

            return GoogleStorage(self._connection)

    @cached_property
    def project(self) -> Project:
        """Prerequisites."""
        with _IMPORTING:
            from .project import GoogleProject

            return GoogleProject(self._connection)


def connect(connection: Connection | None = None) -> Vertex:
    """Connect as the environment says; nothing is imported or sent before it is needed."""
    return GoogleVertex(connection or Connection.from_environment())
