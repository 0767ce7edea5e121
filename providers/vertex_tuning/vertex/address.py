"""The address at which an endpoint answers, checked before a token is sent there."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .client import Endpoint
from .connection import VERSION, host_of, region_of
from .errors import InvalidRequest, Transient, VertexError

_UID = "[a-z0-9]{1,30}"
"""What follows the region: a number or a word, by the API's type; not always the project's number."""
_LOOPBACK = re.compile(r"(?:127(?:\.[0-9]{1,3}){3}|localhost|\[::1\]):[0-9]{1,5}")


def address(name: str, found: Endpoint, embedded: str | None) -> str:
    """The URL that `:predict`, `:rawPredict` and `/chat/completions` are appended to.

    Args:
        name: the endpoint's full name.
        found: the endpoint as Google answers it.
        embedded: the address of an embedded service, if that is asked instead of Google.

    Raises:
        InvalidRequest: the endpoint is private, or the DNS name in the answer is not its own.
        Transient: it has no DNS name yet.
    """
    if found.private:
        raise InvalidRequest(
            "the endpoint has no public address: it is connected to by private service connect only"
        )
    region, endpoint_id = region_of(name), name.rsplit("/", 1)[1]
    if not found.dedicated:
        return f"{embedded or f'https://{host_of(region)}'}/{VERSION}/{name}"
    if not found.dns:
        raise Transient("the endpoint has no DNS name yet: it gets one when a model is deployed to it")
    host = found.dns.removeprefix("https://")
    if embedded is not None and _both_here(host, embedded):
        return f"http://{host}/{VERSION}/{name}"
    own = rf"{re.escape(endpoint_id)}\.{re.escape(region)}-{_UID}\.prediction\.vertexai\.goog"
    if embedded is not None or not re.fullmatch(own, host):
        raise InvalidRequest(
            f"the endpoint's DNS name {found.dns[:200]!r} is not of the form {endpoint_id}.{region}-NUMBER."
            "prediction.vertexai.goog, so nothing is sent there"
        )
    return f"https://{host}/{VERSION}/{name}"


def known_address(name: str, found: Endpoint | None, embedded: str | None) -> dict[str, str]:
    """The output ``address``; empty where there is none, or none that may be asked."""
    try:
        return {"address": address(name, found, embedded)} if found is not None else {}
    except VertexError:
        return {}


def _both_here(host: str, embedded: str) -> bool:
    """Whether the embedded service and the address that it names are on this machine."""
    there = urlsplit(embedded).netloc.rpartition("@")[2]
    there = there if re.search(r":[0-9]+$", there) else f"{there}:80"
    return bool(_LOOPBACK.fullmatch(host) and _LOOPBACK.fullmatch(there))
