"""Asking a served model in plain JSON.

Dedicated endpoints refuse the query parameters that Google's typed client adds to each of its calls.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from typing import Any

import msgspec
from google.api_core.exceptions import GoogleAPICallError, from_http_status
from requests import Response

from ..decoding import REFUSED
from .client import Answer
from .connection import Connection
from .errors import InvalidRequest, Transient
from .rest import session_of
from .retry import looked_up

TIMEOUT = 300.0
"""Seconds for one answer: the first requests after a deployment take long (tuning guide)."""
MOST_BYTES = 32 * 1024 * 1024
_PIECE = 64 * 1024
_LONGEST = 500


class _Predicted(msgspec.Struct, frozen=True, rename="camel"):
    predictions: tuple[Any, ...]
    deployed_model_id: str = ""
    model: str = ""
    model_version_id: str = ""


class _Error(msgspec.Struct, frozen=True):
    message: str
    details: tuple[dict[str, Any], ...] = ()


class _Refused(msgspec.Struct, frozen=True):
    error: _Error


# Made by the import: a type that several threads are the first to decode crashes it.
_PREDICTED = msgspec.json.Decoder(_Predicted)
_REFUSED = msgspec.json.Decoder(_Refused)


class PlainJson:
    """POST requests in JSON, with the connection's credentials."""

    def __init__(self, connection: Connection) -> None:
        self._session = cache(lambda: session_of(connection))

    def post(self, url: str, body: Mapping[str, Any]) -> bytes:
        """The answer, of bounded size and after a bounded time. A redirect is not followed.

        Raises:
            VertexError: the service refused or did not answer.
        """
        return looked_up(lambda: self._posted(url, msgspec.json.encode(body)))

    def _posted(self, url: str, body: bytes) -> bytes:
        with self._session().post(
            url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=TIMEOUT,
            stream=True,
            allow_redirects=False,
        ) as response:
            content = _bounded(response)
        if response.is_redirect:
            raise InvalidRequest(f"{url} leads elsewhere, and nothing is sent there")
        if not response.ok:
            raise _refusal(response, content)
        return content


def predict(plain: PlainJson, address: str, instances: Sequence[Mapping[str, Any]]) -> Answer:
    """Predictions for the instances, in their order.

    Raises:
        VertexError: nothing serves there, or it refuses the instances.
    """
    content = plain.post(f"{address}:predict", {"instances": [dict(instance) for instance in instances]})
    try:
        found = _PREDICTED.decode(content)
    except REFUSED as error:
        raise Transient(f"the answer of {address} cannot be read: {error}") from error
    if len(found.predictions) != len(instances):
        raise Transient(f"{address} answered {len(found.predictions)} of {len(instances)} instances")
    return Answer(found.predictions, found.deployed_model_id, found.model, found.model_version_id)


def _bounded(response: Response) -> bytes:
    content, end = b"", time.monotonic() + TIMEOUT
    for piece in response.iter_content(_PIECE):
        content += piece
        if len(content) > MOST_BYTES:
            raise InvalidRequest(f"the answer of {response.url} is larger than {MOST_BYTES:,} bytes")
        if time.monotonic() > end:
            raise Transient(f"the answer of {response.url} was not complete after {TIMEOUT:.0f} s")
    return content


def _refusal(response: Response, content: bytes) -> GoogleAPICallError:
    """Google's own error for an answer that is a refusal."""
    try:
        said = _REFUSED.decode(content).error
    except REFUSED:
        said = _Error(content[:_LONGEST].decode(errors="replace") or "no reason given")
    read = Response()  # what was streamed can be read once only
    read.status_code, read.headers, read.raw = response.status_code, response.headers, BytesIO(content)
    info = next((each for each in said.details if str(each.get("@type")).endswith(".ErrorInfo")), None)
    error: GoogleAPICallError = from_http_status(  # type: ignore[no-untyped-call]
        response.status_code, said.message, details=list(said.details), response=read, error_info=info
    )
    return error
