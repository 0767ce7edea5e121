"""Turn Pydantic's errors into lines that name the key in the user's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from .catalog import nearest_name

# Messages for Pydantic's most frequent errors, in a stack file's terms.
_WORDS = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_long": "has more than {max_length} entries",
    "too_short": "must not be empty",
    "enum": "must be one of {expected}",
    "is_instance_of": "is not one of the allowed values",
}


class Problem(NamedTuple):
    """A problem and its key, such as ``services[0].tuning.epochs``."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def listed(problems: Iterable[Problem], prefix: str = "") -> str:
    """One line each, indented below a heading."""
    return "\n".join(f"  {prefix}{mistake}" for mistake in problems)


def path_of(parts: Iterable[str | int]) -> str:
    """The path in YAML notation: ``services[1].serving``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def problems_of(
    error: ValidationError, model: type[BaseModel], at: Sequence[str | int] = ()
) -> list[Problem]:
    """Every problem in ``error``, in order, with ``at`` before each path."""
    return [
        Problem(path_of([*at, *_in_file(found["loc"])]), _problem(found, model))
        for found in error.errors(include_url=False)
    ]


def _in_file(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path without Pydantic's marks for mapping keys and union branches."""
    return tuple(part for part in location if not (isinstance(part, str) and "[" in part))


def _problem(found: Any, model: type[BaseModel]) -> str:
    kind, value = found["type"], found["input"]
    if kind == "extra_forbidden":
        wrong, parent = str(found["loc"][-1]), _model_at(model, found["loc"][:-1])
        if parent is None:
            return "unknown key"
        refused: Mapping[str, str] = getattr(parent, "REFUSED", {})
        return refused.get(wrong) or f"unknown key; {nearest_name(wrong, parent.model_fields)}"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    words = _WORDS.get(kind)
    text = words.format(**found.get("ctx", {})) if words else str(found["msg"])
    if kind == "missing" or isinstance(value, dict | list):
        return text
    if kind == "string_type" and isinstance(value, bool | int | float | date):
        return f"{text}, not {value}: put it in quotes"
    return f"{text}, and the value is empty" if value is None else f"{text}, not {value!r}"


def _model_at(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model at ``location`` in ``model``; its ``REFUSED`` has reasons for refused keys."""
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if current is not None else None
        current = _model_in(field.annotation) if field is not None else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
