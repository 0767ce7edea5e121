"""Lists of Vertex resources: their filter, order, pages and read mask."""

import json
from functools import cmp_to_key
from typing import Any, NamedTuple

from vertex_emulator.api.routing import Call
from vertex_emulator.store.resources import Record
from vertex_emulator.wire import pages
from vertex_emulator.wire.errors import invalid
from vertex_emulator.wire.filters import compile_filter
from vertex_emulator.wire.names import camel_case, snake_case
from vertex_emulator.wire.proto import reader, render

Json = dict[str, Any]
PLAIN = ("pageSize", "pageToken", "filter")
ORDERED = (*PLAIN, "orderBy", "readMask")
Position = tuple[str | int, ...]
"""The values by which a list is in order, and the sequence number, which makes it unique."""


class _Key(NamedTuple):
    field: str
    descending: bool


def listing(
    call: Call,
    message: str,
    key: str,
    records: list[Record],
    fields: frozenset[str],
    takes: tuple[str, ...] = ORDERED,
) -> Json:
    """A page of `records` (newest first) as `{key: [...], nextPageToken}` in the call's version.

    The order is that of `orderBy` (fields in snake case, each with an optional `desc`), else newest first.
    A page token names the last item that was shown, so what is created or deleted between two pages neither
    repeats nor hides anything else.
    """
    arguments = call.arguments(*takes)
    size = pages.page_size(arguments.get("pageSize"))
    wanted = compile_filter(arguments.get("filter", ""), fields)
    read = reader(call.version, message, arguments.get("readMask", ""))
    order = _order(arguments.get("orderBy", ""), fields)
    horizon = call.service.now() - call.faults.lag_s
    visible = [
        (_position(record, order), record) for record in records
        if wanted(record.body) and (not call.faults.lag_s or record.created <= horizon)
    ]  # fmt: skip
    downwards = [item.descending for item in order] + [order[0].descending if order else True]

    def compare(one: Position, other: Position) -> int:
        for mine, theirs, descending in zip(one, other, downwards, strict=True):
            if mine != theirs:
                return 1 if (mine < theirs) is descending else -1  # type: ignore[operator]
        return 0

    visible.sort(key=lambda item: cmp_to_key(compare)(item[0]))
    start = _start(arguments.get("pageToken"), len(downwards))
    left = [item for item in visible if start is None or compare(item[0], start) > 0]
    return pages.first(
        size,
        key,
        left,
        show=lambda item: read(render(call.version, message, item[1].body)),
        place=lambda item: json.dumps(item[0]),
    )


def _position(record: Record, order: list[_Key]) -> Position:
    return (*(str(record.body.get(item.field, "")) for item in order), record.seq)


def _start(token: str | None, length: int) -> Position | None:
    text = pages.after(token)
    if text is None:
        return None
    try:
        *values, seq = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise invalid("Invalid page token.") from None
    if type(seq) is not int or len(values) != length - 1 or any(not isinstance(v, str) for v in values):
        raise invalid("Invalid page token.")
    return (*values, seq)


def _order(text: str, fields: frozenset[str]) -> list[_Key]:
    return [_key(part.strip(), fields) for part in text.split(",")] if text else []


def _key(text: str, fields: frozenset[str]) -> _Key:
    name, _, direction = text.partition(" ")
    snake = snake_case(name)
    if snake not in fields or direction.strip() not in {"", "asc", "desc"}:
        raise invalid(f"Invalid orderBy: '{text}' is no field that can be ordered by.")
    return _Key(camel_case(snake), direction.strip() == "desc")
