"""Every field of a stack file, from the rules that check it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from vertex_tuning.stack.schema import MODELS, Schema, stack_schema, summary

from .markdown import made_from, table

HEAD = f"""\
# Every key of a stack file

{made_from("the rules that check the files")}

`stacks/schema.json` has the same for editors. Files that stacks share have the keys without `vertex-tuning:`.

YAML's anchors and merge keys (`<<: *name`) work in all of them. YAML reads a value without quotes
as a number, a boolean or a date where it looks like one (`0123`, `yes`, `2026-11-30`): put text in
quotes.
"""
HEADINGS = {
    "Settings": "The stack: keys below `vertex-tuning:`",
    "ServiceSpec": "A service: an entry of `services`",
}
LISTED = 10
"""The most values that a cell lists."""


def page() -> str:
    """docs/stack-file.md."""
    schema = stack_schema()
    keys = schema["properties"]["config"]["properties"].items()
    settings = {key.removeprefix("vertex-tuning:"): value for key, value in keys}
    lines = [HEAD.rstrip()]
    for model in MODELS:
        fields = settings if model.__name__ == "Settings" else schema["$defs"][model.__name__]["properties"]
        lines += ["", f"## {HEADINGS.get(model.__name__, f'`{model.__name__}`')}", "", summary(model), ""]
        rows = _rows(model, fields, schema["$defs"])
        lines += table(["key", "value", "default", "what it is"], rows)
    return "\n".join(lines) + "\n"


def _rows(model: type[BaseModel], fields: dict[str, Schema], known: dict[str, Schema]) -> Iterator[list[str]]:
    for name, field in fields.items():
        info = model.model_fields[name]
        default = "" if info.is_required() else _shown(info.get_default(call_default_factory=True))
        yield [f"`{name}`", _kind(field, known), default, field.get("description", "")]


def _shown(default: Any) -> str:
    if default is None or isinstance(default, BaseModel) or default in ({}, (), []):
        return ""
    if isinstance(default, tuple):
        return ", ".join(map(_shown, default))
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _kind(field: Schema, known: dict[str, Schema]) -> str:
    """A value's type and bounds, in words."""
    if "anyOf" in field:
        return " or ".join(_kind(each, known) for each in field["anyOf"] if each.get("type") != "null")
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        target = known[name]
        return _kind(target, known) if "enum" in target else f"mapping, see `{name}`"
    if len(field.get("enum", ())) > LISTED:
        return "a name of [this list](models.md)"
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    bounds = [
        f"{word} {field[key]}"
        for key, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        if key in field
    ]
    match field.get("type"):
        case "array":
            return f"list of {_kind(field['items'], known)}" if field.get("items") else "list"
        case "integer":
            return " ".join(["whole number", *bounds])
        case "number":
            return " ".join(["number", *bounds])
        case "boolean":
            return "`true`, `false`"
        case "object":
            return "mapping"
    return "text"
