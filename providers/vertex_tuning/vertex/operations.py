"""Long-running operations as plain JSON: name, done, error, response, and the type of their metadata as text.

Google's clients poll them at a path without a version, where the metadata are of types that its published
packages do not know, and refuse the whole answer for that.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from ..names import RESOURCE_NAME
from .client import Operation
from .errors import NotFound
from .rest import Rest, decoded
from .retry import looked_up


class _Status(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    name: str
    done: bool | None = None
    error: _Status | None = None
    response: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class _Page(msgspec.Struct, frozen=True):
    operations: list[_Answer] | None = None


_ANSWER = msgspec.json.Decoder(_Answer, strict=False)
_PAGE = msgspec.json.Decoder(_Page, strict=False)


def read(answer: bytes) -> Operation:
    """An operation out of Google's answer.

    Raises:
        Transient: the answer is not an operation.
    """
    return _view(decoded(_ANSWER, answer))


def get(rest: Rest, name: str) -> Operation | None:
    """The operation, or ``None`` when it is no longer known."""
    try:
        return read(looked_up(lambda: rest.call("GET", name)))
    except NotFound:
        return None


def below(rest: Rest, parent: str) -> tuple[Operation, ...]:
    """The operations on a resource or in a location; none on a resource that is not there yet."""
    try:
        pages = list(rest.pages(f"{parent}/operations", pageSize="100"))
    except NotFound:
        return ()
    return tuple(_view(each) for page in pages for each in decoded(_PAGE, page).operations or ())


def _view(found: _Answer) -> Operation:
    response, metadata = found.response or {}, found.metadata or {}
    error = found.error or _Status()
    return Operation(
        name=found.name,
        done=bool(found.done),
        error_code=error.code,
        error_message=error.message,
        endpoint=_name(response, "endpoint"),
        model=_name(response, "model"),
        kind=_text(metadata, "@type").rpartition(".")[2],
        began=_moment(metadata, "createTime"),
        lasted=max(_moment(metadata, "updateTime") - _moment(metadata, "createTime"), 0.0),
    )


def _moment(metadata: dict[str, Any], key: str) -> float:
    """Seconds since the epoch; 0 where Google does not say."""
    try:
        return datetime.fromisoformat(metadata["genericMetadata"][key]).timestamp()
    except (KeyError, OverflowError, TypeError, ValueError):
        return 0.0


def _name(values: dict[str, Any], key: str) -> str:
    """A full name: only what is one may become part of the address of a call."""
    name = _text(values, key)
    return name if re.fullmatch(RESOURCE_NAME, name) else ""


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""
