"""Settings of an embedded Vertex AI."""

import ipaddress
from enum import StrEnum
from pathlib import Path

import msgspec


class Speed(StrEnum):
    """Simulated delays of the real service; training always really runs."""

    REAL = "real"
    FAST = "fast"
    INSTANT = "instant"

    @property
    def pending_s(self) -> float:
        """Seconds that a tuning job stays pending before its worker may start."""
        return {Speed.REAL: 8.0, Speed.FAST: 0.2, Speed.INSTANT: 0.0}[self]

    @property
    def operation_s(self) -> float:
        """Seconds of one step of an operation that only keeps books, such as creating an endpoint."""
        return {Speed.REAL: 3.0, Speed.FAST: 0.1, Speed.INSTANT: 0.0}[self]

    @property
    def deploy_s(self) -> float:
        """Seconds that machines take to come up with a model."""
        return {Speed.REAL: 25.0, Speed.FAST: 0.2, Speed.INSTANT: 0.0}[self]

    @property
    def quota_s(self) -> float:
        """Seconds until a quota request is granted."""
        return {Speed.REAL: 20.0, Speed.FAST: 0.3, Speed.INSTANT: 0.0}[self]

    @property
    def write_s(self) -> float:
        """Seconds that have to pass between two writes of one object; 429 before that."""
        return 0.0 if self is Speed.INSTANT else 1.0


class Settings(msgspec.Struct, frozen=True):
    """Settings from the command line."""

    data: Path
    cache: Path
    """What workers keep between jobs: the base model and compiled code. Servers may share it."""
    speed: Speed = Speed.FAST
    token: str | None = None
    dedicated: str = ""
    """HOST:PORT that is answered as the DNS name of dedicated endpoints."""
    dedicated_port: int = 0
    """Port of the second listener, where they answer; 0 when there is none."""


MAX_JSON_BYTES = 10 * 1024 * 1024
"""A JSON request body beyond this is refused with 413."""
MAX_OBJECT_BYTES = 64 * 1024**3
"""An object beyond this is refused with 413: the disk is someone's laptop."""
MAX_UPLOADS = 1_000
"""Uploads under way; another is refused with 429 until one of them ends or is a week old."""
MAX_WORKERS = 2
"""Tuning workers that run at once; jobs beyond that stay pending."""
MAX_CONNECTIONS = 1024
"""Connections served at once; beyond that uvicorn answers 503."""


def is_loopback(host: str) -> bool:
    """Whether an address or a host name means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
