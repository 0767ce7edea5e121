"""Vertex AI's REST API in plain JSON.

What is sent is built from Google's message types; what comes back is read by ``lenient`` and ``operations``,
because Google answers with fields, types and values that its published types do not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any, TypeVar

import msgspec
from google.api_core.exceptions import from_http_response
from google.auth import default
from google.auth.transport.requests import AuthorizedSession
from google.protobuf.json_format import MessageToDict
from proto import Message

from ..decoding import REFUSED
from . import lenient
from .bounds import Pages
from .connection import VERSION, Connection, region_of
from .credentials import SCOPE
from .errors import Unavailable
from .rate import slow_down
from .retry import TIMEOUT, looked_up

Json = dict[str, Any]
Kind = TypeVar("Kind", bound=Message)
Shape = TypeVar("Shape")


class _Token(msgspec.Struct, frozen=True, rename="camel"):
    next_page_token: str | None = None


# Made by the import, as each decoder here: a type that several threads are the first to decode crashes it.
_TOKEN = msgspec.json.Decoder(_Token, strict=False)
JSON = msgspec.json.Decoder(Json)


class Rest:
    """Calls on resources by their full names, such as ``projects/P/locations/L/endpoints/E:deployModel``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session = cache(lambda: session_of(connection))

    def call(
        self, verb: str, path: str, body: Message | Json | None = None, **query: str | list[str]
    ) -> bytes:
        """Google's answer to one call, which is made once; errors are Google's own.

        Raises:
            InvalidRequest: the path is no resource's, and would lead elsewhere.
            Unavailable: the answer is no JSON object; whether the call was carried out is not known.
        """
        location = region_of(path)
        response = self._session().request(  # type: ignore[no-untyped-call]
            verb,
            f"{self._connection.address(location)}/{VERSION}/{path}",
            json=as_json(body) if isinstance(body, Message) else body,
            params={key: value for key, value in query.items() if value},
            timeout=TIMEOUT,
        )
        if not response.ok:
            raise from_http_response(response)  # type: ignore[no-untyped-call]
        content = bytes(response.content)
        decoded(JSON, content)
        return content

    def get(self, kind: type[Kind], path: str) -> Kind:
        """A resource, read as ``kind``.

        Raises:
            VertexError: it is not there, or Google refused.
        """
        return read(kind, looked_up(lambda: self.call("GET", path)))

    def pages(self, path: str, **query: str) -> Iterator[bytes]:
        """Every page of a list.

        Raises:
            VertexError: Google refused.
        """
        seen = Pages(path)
        while True:
            page = looked_up(partial(self.call, "GET", path, pageToken=seen.token, **query))
            yield page
            if not seen.leads_on(decoded(_TOKEN, page).next_page_token or ""):
                return


def as_json(message: Message) -> Json:
    """A message of Google's as it is sent."""
    sent: Json = MessageToDict(type(message).pb(message))
    return sent


def read(kind: type[Kind], answer: bytes) -> Kind:
    """An answer as ``kind``, with every part of it that can be read as such."""
    return lenient.message(kind, decoded(JSON, answer))


def decoded(decoder: msgspec.json.Decoder[Shape], answer: bytes) -> Shape:
    """An answer as the decoder's type.

    Raises:
        Unavailable: it cannot be read as that.
    """
    try:
        return decoder.decode(answer)
    except REFUSED as error:
        raise Unavailable(f"Google's answer cannot be read: {error}") from error


def session_of(connection: Connection) -> AuthorizedSession:
    """A session of requests that carry the connection's credentials."""
    credentials = connection.credentials() or default(scopes=[SCOPE])[0]
    session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    if connection.requests_per_minute:
        slow_down(session, connection.requests_per_minute)
    return session
