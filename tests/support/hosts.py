"""Which hosts are asked: what carries a bearer token must go to Google or to the configured service."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

GOOGLE = (".googleapis.com", ".prediction.vertexai.goog")


@contextmanager
def recorded(*, answered: bool = True) -> Iterator[list[str]]:
    """The host of every request below Google's clients, in order; without ``answered`` none is sent."""
    hosts: list[str] = []
    send = requests.adapters.HTTPAdapter.send

    def seen(
        self: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        hosts.append(urlsplit(str(request.url)).netloc)
        if not answered:
            raise requests.ConnectionError("no request leaves a test")
        return send(self, request, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", seen)
        yield hosts


def foreign(hosts: list[str], configured: str = "") -> set[str]:
    """Those that are neither Google's nor the configured one."""
    return {host for host in hosts if host != configured and not host.endswith(GOOGLE)}


_HEARS: list[set[str]] = []
_AUDITED: list[bool] = []
"""An audit hook stays for the life of a process: one is enough."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _HEARS:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _HEARS[-1].add(f"{arguments[1][0]}:{arguments[1][1]}")
    elif event == "socket.getaddrinfo":
        _HEARS[-1].add(f"{arguments[0]}:{arguments[1]}")


@contextmanager
def connected() -> Iterator[set[str]]:
    """Every HOST:PORT that this process looks up or connects to meanwhile, whichever library does it."""
    if not _AUDITED:
        sys.addaudithook(_audit)
        _AUDITED.append(True)
    _HEARS.append(set())
    try:
        yield _HEARS[-1]
    finally:
        _HEARS.pop()
