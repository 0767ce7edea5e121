"""JSON Schemas of the files below ``stacks``, made from the models that check them.

Editors and validators use them. They check less than ``load``: rules over several keys and required keys of
merged files are checked in preview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .. import catalog
from ..specs import ServiceSpec, Spec
from .layers import NAMESPACE, OWN
from .settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and the models of its fields, each once."""
    seen: dict[type[BaseModel], None] = {model: None}
    waiting: list[Any] = [field.annotation for field in model.model_fields.values()]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, type) and issubclass(part, BaseModel):
            if part not in seen:
                seen[part] = None
                waiting += [field.annotation for field in part.model_fields.values()]
        else:
            waiting += get_args(part)
    yield from seen


MODELS: tuple[type[BaseModel], ...] = (*_parts(Settings), *_parts(ServiceSpec))

Schema = dict[str, Any]

# Pydantic uses its own names for limits after a conversion.
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_GCS = r"^gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/.*)?$"
# Rules that the models check in code, as schema keywords.
_KNOWN: dict[str, Callable[[], Schema]] = {
    # Any id of this form; editors complete the known ones.
    "base_model": lambda: {"anyOf": [{"enum": [model.id for model in catalog.models()]}, {"type": "string"}]},
    "region": lambda: {"enum": list(catalog.regions())},
    "location": lambda: {"enum": list(catalog.tuning_locations())},
    "machine_type": lambda: {"enum": [name for name, _, _ in catalog.machines()]},
    "accelerator_type": lambda: {"enum": sorted({name for _, name, _ in catalog.machines()})},
    "adapter_size": lambda: {"enum": list(catalog.ADAPTER_SIZES)},
    **dict.fromkeys(
        ("output_uri", "artifacts_uri", "export_uri", "custom_base_model"), lambda: {"pattern": _GCS}
    ),
}


def stack_schema() -> Schema:
    """The schema of a stack's own file: ``config`` with our keys and others'."""
    ours = _properties(Settings)
    return {
        "$schema": DIALECT,
        "title": "Stack file of pulumi-vertex-tuning",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "required": [f"{NAMESPACE}:{key}" for key in OWN],
                "properties": {f"{NAMESPACE}:{key}": value for key, value in ours.items()},
                "patternProperties": {
                    f"^{NAMESPACE}:(?!({'|'.join(ours)})$)": {
                        "not": {},
                        "description": "No such key.",
                        # The editors' error message.
                        "errorMessage": f"There is no such key of {NAMESPACE}.",
                    }
                },
            }
        },
        "$defs": _definitions(),
    }


def shared_schema() -> Schema:
    """The schema of ``defaults.yaml``, ``environments/`` and ``teams/``: keys without a prefix."""
    return {
        "$schema": DIALECT,
        "title": "Shared values of stack files of pulumi-vertex-tuning",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {key: value for key, value in _properties(Settings).items() if key not in OWN},
        "$defs": _definitions(),
    }


def _properties(model: type[BaseModel]) -> dict[str, Schema]:
    found: dict[str, Schema] = _all()[model.__name__]["properties"]
    return found


def _definitions() -> dict[str, Schema]:
    return {name: schema for name, schema in _all().items() if name != Settings.__name__}


def _all() -> dict[str, Schema]:
    """Every model's schema by name."""
    _, made = models_json_schema([(model, "validation") for model in MODELS])
    found: dict[str, Schema] = {name: _clean(schema) for name, schema in made["$defs"].items()}
    of_service = describe(ServiceSpec)
    for model in MODELS:
        schema = found[model.__name__]
        descriptions = describe(model)
        if model is Settings:
            descriptions |= {
                name: f"default for every service: {of_service[name]}"
                for name in Settings.model_fields.keys() & of_service
            }
        schema["description"] = summary(model)
        # Any part of a value may be in another file.
        schema.pop("required", None)
        for name, value in schema["properties"].items():
            if name in _KNOWN:
                _branch(value).update(_KNOWN[name]())
            if name in descriptions:
                value["description"] = descriptions[name]
    found["ServiceSpec"]["required"] = ["name"]
    _one_or_many(found["ServiceSpec"]["properties"]["renamed_from"])
    found["Settings"]["properties"]["services"]["items"] = {"$ref": "#/$defs/ServiceSpec"}
    return found


def _clean(schema: Any) -> Any:
    """Drop keywords that are useless for editors, and use the standard's names."""
    if isinstance(schema, list):
        return [_clean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {
        _BOUNDS.get(key, key): _clean(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    if "patternProperties" in cleaned:
        cleaned["additionalProperties"] = False
    if "$ref" in cleaned:
        cleaned.pop("default", None)
    return cleaned


def _branch(schema: Schema) -> Schema:
    """The schema of a value that may also be null."""
    kinds: Iterable[Schema] = schema.get("anyOf", [schema])
    return next(kind for kind in kinds if kind.get("type") != "null")


def _one_or_many(schema: Schema) -> None:
    schema["anyOf"] = [{"type": schema.pop("type"), "items": schema["items"]}, schema.pop("items")]


def summary(model: type[BaseModel]) -> str:
    """A model's description: its docstring above ``Attributes``."""
    text = (model.__doc__ or "").split("Attributes:")[0]
    return _plain(text)


def describe(model: type[BaseModel]) -> dict[str, str]:
    """Each field's description, from the ``Attributes`` of the model and its bases."""
    from docstring_parser import DocstringStyle, parse

    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, Spec) or not each.__doc__:
            continue
        for entry in parse(each.__doc__, DocstringStyle.GOOGLE).params:
            found.update(
                {name.strip(): _plain(entry.description or "") for name in entry.arg_name.split(",")}
            )
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
