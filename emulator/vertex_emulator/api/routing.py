"""Routes: templates in Google's notation, and the call that a handler gets."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from vertex_emulator.faults import CallFaults
from vertex_emulator.service import Service
from vertex_emulator.wire.errors import ApiError, invalid
from vertex_emulator.wire.proto import Version

Json = dict[str, Any]

# Parameters that every Google API takes and that change nothing here.
_SYSTEM = frozenset(
    {"$alt", "alt", "$.xgafv", "key", "access_token", "quotaUser", "userProject", "prettyPrint", "fields",
     "callback", "projection", "$prettyPrint", "$fields"}
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One request, taken apart. `payload` is None for methods without a body."""

    service: Service
    params: Mapping[str, str]
    query: Mapping[str, str]
    payload: Json | None
    faults: CallFaults
    request: Request
    size: int = 0
    """Bytes of the JSON body."""
    dedicated: bool = False
    """Whether it came to the host of dedicated endpoints."""

    @property
    def version(self) -> Version:
        """The API version in the path."""
        return Version(self.params["version"])

    def arguments(self, *allowed: str) -> dict[str, str]:
        """The query without the system parameters. Raises INVALID_ARGUMENT for names that are not allowed."""
        given = {key: value for key, value in self.query.items() if key not in _SYSTEM}
        for key in given:
            if key not in allowed:
                raise invalid(f"Invalid query parameter: unknown name '{key}': Cannot find field.")
        return given


BooksHandler = Callable[[Call], Json | None]
"""Runs as one transaction on the event loop's thread; None is answered with 204 and nothing else."""
StreamHandler = Callable[[Call], Awaitable[Response]]
"""Reads its body and writes its answer piece by piece; holds transactions of its own."""


@dataclass(frozen=True)
class BooksRoute:
    """A method whose handler answers out of the books."""

    method: str
    template: str
    google: str
    """Its name in Google's own service definition."""
    handler: BooksHandler
    body: bool


@dataclass(frozen=True)
class StreamRoute:
    """A method whose handler deals with the raw request."""

    method: str
    template: str
    google: str
    handler: StreamHandler
    body: bool


Route = BooksRoute | StreamRoute


def books(method: str, template: str, google: str, handler: BooksHandler) -> Route:
    """A route whose handler answers out of the books; POST, PUT and PATCH carry a JSON body."""
    return BooksRoute(method, template, google, handler, body=method in {"POST", "PUT", "PATCH"})


def streams(method: str, template: str, google: str, handler: StreamHandler, *, body: bool = False) -> Route:
    """A route whose handler deals with the raw request; with `body` it gets a parsed JSON body."""
    return StreamRoute(method, template, google, handler, body)


@dataclass(frozen=True)
class Table:
    """All routes, ready to be matched against a request's raw path."""

    routes: tuple[Route, ...]
    _compiled: dict[str, list[tuple[re.Pattern[str], Route]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for route in self.routes:
            pattern = re.compile(template_pattern(route.template))
            self._compiled.setdefault(route.method, []).append((pattern, route))

    def match(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a still percent-encoded path, and its decoded parameters."""
        for pattern, route in self._compiled.get(method, ()):
            found = pattern.fullmatch(raw_path)
            if found is not None:
                return route, {key: _decode(value) for key, value in found.groupdict().items()}
        return None


_APIS = "v1|v1beta1|v3|ui|emulator|storage|upload|download|batch"
_KINDS = {
    "": "[^/:]+",
    "=*": "[^/]+",
    "=**": ".+?",
    "=bucket": rf"(?!(?:{_APIS})/)[a-z0-9][a-z0-9._-]{{1,220}}[a-z0-9]",
}


def template_pattern(template: str) -> str:
    """A template as a regular expression.

    `{name}` is one part of the path without a colon, `{name=*}` one part that may hold colons, `{name=**}`
    any number of parts, `{version}` one of the API versions, and `{name=bucket}` a bucket at the very start
    of a path, where otherwise an API's name stands.
    """
    pattern = ""
    for literal, name, kind in re.findall(r"([^{]*)(?:\{(\w+)(=\*{1,2}|=bucket)?\})?", template):
        pattern += re.escape(literal)
        if name == "version":
            pattern += "(?P<version>v1|v1beta1)"
        elif name:
            pattern += f"(?P<{name}>{_KINDS[kind]})"
    return pattern


def _decode(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise ApiError(3, "The path is not UTF-8.") from None
