"""JSON of Google's, read as a message of Google's: what the message's type does not know is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import google.protobuf.message as protobuf
from google.protobuf.json_format import ParseDict
from proto import Message

Kind = TypeVar("Kind", bound=Message)


def message(kind: type[Kind], answer: dict[str, Any]) -> Kind:
    """The answer as ``kind``, with every part of it that can be read as such."""
    found: Kind = kind()
    _fill(kind.pb(found), answer)
    _forget_unknown_numbers(kind.pb(found))
    return found


def _forget_unknown_numbers(target: protobuf.Message) -> None:
    """Clear the enum fields whose number is new: Google's classes warn of each at every read."""
    for field, value in target.ListFields():
        if field.enum_type is not None:
            numbers = value if isinstance(value, Sequence) else [value]
            if any(number not in field.enum_type.values_by_number for number in numbers):
                target.ClearField(field.name)
        elif field.message_type is not None:
            for each in value if isinstance(value, Sequence) else [value]:
                if isinstance(each, protobuf.Message):
                    _forget_unknown_numbers(each)


def _fill(target: protobuf.Message, answer: dict[str, Any]) -> None:
    if not _parsed(answer, target):
        target.Clear()
        fields = {field.json_name: field for field in target.DESCRIPTOR.fields}
        for key, value in answer.items():
            if key in fields:
                _fill_field(target, fields[key], value)


def _fill_field(target: protobuf.Message, field: Any, value: Any) -> None:
    """Set one field; of a value that does not fit, what fits."""
    alone = type(target)()
    if _parsed({field.json_name: value}, alone):
        target.MergeFrom(alone)
    else:
        _fill_parts(target, field, value)


def _parsed(answer: dict[str, Any], target: protobuf.Message) -> bool:
    try:
        ParseDict(answer, target, ignore_unknown_fields=True)
    except Exception:  # noqa: BLE001 - beside ParseError, the parser raises what its own code trips over
        return False
    return True


def _fill_parts(target: protobuf.Message, field: Any, value: Any) -> None:
    kind = field.message_type
    if kind is None or kind.full_name.startswith("google.protobuf."):
        return
    if kind.GetOptions().map_entry:
        for key, each in value.items() if isinstance(value, dict) else ():
            if value != {key: each}:
                _fill_field(target, field, {key: each})
    elif field.is_repeated:
        for each in value if isinstance(value, list) else ():
            if isinstance(each, dict):
                _fill(getattr(target, field.name).add(), each)
    elif isinstance(value, dict):
        _fill(getattr(target, field.name), value)
