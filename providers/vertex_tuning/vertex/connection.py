"""Where Google is: the real services, or the embedded one for rehearsals."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from .. import names
from .credentials import accounts, anonymous, impersonating, of_environment
from .errors import InvalidRequest

ENDPOINT = "VERTEX_TUNING_ENDPOINT"
IMPERSONATE = "VERTEX_TUNING_IMPERSONATE"
IMPERSONATE_TOO = "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"
"""What pulumi-gcp reads: so that one variable is enough for both."""
GRACE = "VERTEX_TUNING_GRACE_SECONDS"
POLL = "VERTEX_TUNING_POLL_SECONDS"
CAPACITY = "VERTEX_TUNING_CAPACITY_SECONDS"
OUTAGE = "VERTEX_TUNING_OUTAGE_SECONDS"
REQUESTS = "VERTEX_TUNING_REQUESTS_PER_MINUTE"
DETAILS = "VERTEX_TUNING_DETAILS"
DEADLINE = "VERTEX_TUNING_DEADLINE"
REQUESTS_PER_MINUTE = 540.0
"""A tenth below Vertex AI's quota of 600 requests a minute, project and region."""

VERSION = "v1beta1"
"""Tuning of open models and deployment of custom weights exist in this version alone."""
Client = TypeVar("Client")


class Connection(msgspec.Struct, frozen=True):
    """How to reach Google, read from the environment, never from state.

    Attributes:
        endpoint: base address of an embedded Vertex AI; ``None`` means the real services.
        impersonate: the service account to act as, after those that lead to it; empty for none.
        grace_seconds: how long a list may lag behind a create before a job counts as never submitted.
        poll_seconds: longest pause between two looks at something that is under way.
        capacity_seconds: how long a region without free machines is asked again, with growing pauses.
        outage_seconds: how long a command that acts waits for a service that does not answer.
        requests_per_minute: the most requests to one location of a project; 0 for no bound.
        deadline: when what this process starts is to be ready, in seconds since the epoch.
    """

    endpoint: str | None = None
    impersonate: tuple[str, ...] = ()
    grace_seconds: float = 120.0
    poll_seconds: float = 15.0
    capacity_seconds: float = 1800.0
    outage_seconds: float = 1800.0
    requests_per_minute: float = REQUESTS_PER_MINUTE
    deadline: float | None = None

    @classmethod
    def from_environment(cls) -> Connection:
        """The connection that ``VERTEX_TUNING_*`` describe; the real services when unset."""
        endpoint = os.environ.get(ENDPOINT) or None
        near = endpoint is not None
        as_whom = os.environ.get(IMPERSONATE) or os.environ.get(IMPERSONATE_TOO)
        return cls(
            endpoint=_address(endpoint) if endpoint else None,
            impersonate=accounts(as_whom) if as_whom and not near else (),
            grace_seconds=_seconds(GRACE, 5.0 if near else 120.0),
            poll_seconds=_seconds(POLL, 0.5 if near else 15.0),
            capacity_seconds=_seconds(CAPACITY, 1800.0),
            outage_seconds=_seconds(OUTAGE, 1800.0),
            requests_per_minute=_seconds(REQUESTS, 0.0 if near else REQUESTS_PER_MINUTE),
            deadline=_seconds(DEADLINE, 0.0) or None,
        )

    def credentials(self) -> Any:
        """Google's credentials object to call with; ``None`` leaves it to the environment.

        Raises:
            NotSignedIn: the environment has no credentials to draw a service account's with.
        """
        if self.endpoint is not None:
            return anonymous()
        return impersonating(self.impersonate) if self.impersonate else of_environment()

    def address(self, location: str) -> str:
        """Where Vertex AI answers calls on what is in a location, with its scheme.

        Raises:
            InvalidRequest: it is no location, and would make an address that is not Google's.
        """
        return self.endpoint or f"https://{host_of(location)}"

    def regional(self, client: Callable[..., Client], region: str) -> Client:
        """A GAPIC client of a regional service, over REST.

        Raises:
            InvalidRequest: it is no region, and would make an address that is not Google's.
        """
        return self._client(client, host_of(region))

    def worldwide(self, client: Callable[..., Client]) -> Client:
        """A GAPIC client of a service without regions, over REST."""
        return self._client(client, None)

    def _client(self, client: Callable[..., Client], host: str | None) -> Client:
        options: dict[str, Any] = {}
        if (credentials := self.credentials()) is not None:
            options["credentials"] = credentials
        address = self.endpoint or host
        if address is not None:
            options["client_options"] = {"api_endpoint": address}
        return client(transport="rest", **options)


def host_of(region: str) -> str:
    """The host that serves Vertex AI for a region or for ``global``.

    Raises:
        InvalidRequest: it is no such place.
    """
    try:
        return names.vertex_host(region)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None


def region_of(name: str) -> str:
    """The location in a full resource name.

    Raises:
        InvalidRequest: it is no such name, and nobody is asked for it.
    """
    try:
        return names.location(name)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None


def _address(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        right = parts.scheme in ("http", "https") and parts.hostname is not None
    except ValueError:
        right = False
    if not right:
        raise InvalidRequest(f"{ENDPOINT}: {endpoint!r} is no address, such as http://127.0.0.1:8470")
    return endpoint.rstrip("/")


def _seconds(variable: str, otherwise: float) -> float:
    value = os.environ.get(variable)
    try:
        return float(value) if value else otherwise
    except ValueError:
        raise InvalidRequest(f"{variable}: {value!r} is not a number of seconds") from None
