"""Inputs as a state holds them: by their types alone, without the rules for what is declared anew.

Drift and values of older catalogues have to be read, deleted and repaired.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from ..specs import Spec


def parse_state(model: type[Spec], props: Mapping[str, Any]) -> Any:
    """A spec out of a state: defaults for what it lacks; unknown keys are not read.

    Raises:
        ValidationError: a value is of another type.
    """
    known = {name: kind for name, kind in _types(model).items() if props.get(name) is not None}
    return model.model_construct(**{name: _typed(kind, props[name]) for name, kind in known.items()})


def _typed(kind: Any, value: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        return _typed(next(arm for arm in get_args(kind) if arm is not type(None)), value)
    if isinstance(kind, type) and issubclass(kind, Spec):
        return parse_state(kind, value)
    # Pulumi hands every number over as a float.
    return TypeAdapter(kind).validate_python(value, strict=False)


@cache
def _types(model: type[Spec]) -> dict[str, Any]:
    """The type of each field, without the rules that are noted beside it."""
    hints = get_type_hints(model)
    return {name: hints[name] for name in model.model_fields}
