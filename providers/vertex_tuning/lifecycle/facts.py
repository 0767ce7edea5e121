"""What a kind of resource says of itself, checked when the kind is imported.

Reports, policies, prices, plans and documents go through the list of kinds and know none by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, get_args

import msgspec
from pydantic import BaseModel

from ..permissions import unnamed
from ..planning import Service
from ..pricing import Book, Estimate
from ..specs import Machine, Scaling, ServiceSpec
from .changes import EVERY_KIND, NOWHERE, Change, Table
from .external import ResourceInputs

SECTIONS: dict[str, type[BaseModel]] = {
    "": ServiceSpec,
    **{
        name: part
        for name, field in ServiceSpec.model_fields.items()
        for part in (field.annotation, *get_args(field.annotation))
        if isinstance(part, type) and issubclass(part, BaseModel)
    },
}
"""A service in a stack file, and its sections."""

NEEDED = {
    "kind": "the name in states",
    "inputs": "the model of its inputs",
    "external": "its calls",
    "changes": "the effect of a change of each input",
    "section": "the section of a stack file that its inputs are in, None if users write none of them",
    "judged": "the inputs that each rule of a policy judges",
    "costs": "what it costs, `free` if it bills nothing",
    "calls": "the methods of Google that it calls, by service and method",
    "orphans": "what it finds of its own that no stack holds, `orphaned.none` if it leaves nothing",
    "parts": "the resources of this kind that a service has, each with those that come before it",
}
"""The facts of a kind, each with what it is."""

Names = tuple[str, ...]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs that each rule of a policy judges: ``a.b`` is the key ``b`` in the input ``a``.

    None has a default: a kind says of each rule that it does not concern it.
    """

    regions: Names
    machines: Names
    models: Names
    max_epochs: Names
    max_replicas: Names
    required_labels: Names
    private_endpoints: Names
    evaluation_commands: Names


Values = Mapping[str, Any]
CostOf = Callable[[Book, Values, Mapping[str, Values]], Estimate]
"""Counts what a resource costs: a price book, its inputs, and the service's inputs by kind."""


def free(book: Book, _inputs: Values, _service: Mapping[str, Values]) -> Estimate:
    """The costs of a kind that bills nothing."""
    return Estimate(currency=book.currency)


class Part(NamedTuple):
    """A resource that a service has.

    Attributes:
        name: of the resource, after the service's.
        planned: its inputs; ``None`` if the service has none.
        after: names of the parts that come before it.
    """

    name: str
    planned: Callable[[Service], ResourceInputs | None]
    after: Names


class Facts(Protocol):
    """The facts of a kind that are checked here."""

    kind: str
    inputs: type[BaseModel]
    changes: Table
    section: str | None
    judged: Judged
    calls: Names


def key_of(kind: Facts, name: str) -> str:
    """The key of an input, below its service in a stack file; ``NOWHERE`` if it follows from another edit."""
    rule = kind.changes.get(name) or EVERY_KIND[name]
    if kind.section is None or rule.change is Change.FOLLOWS:
        return NOWHERE
    if rule.key is not None:
        return rule.key
    own = kind.section and name in SECTIONS[kind.section].model_fields
    return f"{kind.section}.{name}" if own else name


def check(kind: Any, base: Any) -> None:
    """Check the facts of a kind, which extends ``base``.

    Raises:
        TypeError: one is missing or wrong; one line.
    """
    for name, what in NEEDED.items():
        if not hasattr(kind, name):
            raise TypeError(f"{kind.__qualname__} lacks `{name}`: {what}")
    for problem in (_table(kind), _keys(kind), _judged(kind), _costs(kind, base), _calls(kind)):
        if problem:
            raise TypeError(f"{kind.__qualname__}: {problem}")


def _table(kind: Facts) -> str:
    declared, said = {*kind.inputs.model_fields}, {*kind.changes, *EVERY_KIND}
    if missing := sorted(declared - said):
        return f"`changes` lacks {', '.join(missing)}"
    wrong = sorted((said - declared) | (kind.changes.keys() & EVERY_KIND.keys()))
    return f"`changes` has {', '.join(wrong)}, which is no input of its own" if wrong else ""


def _keys(kind: Facts) -> str:
    for name in kind.changes:
        key = key_of(kind, name)
        section, _, last = key.rpartition(".")
        model = SECTIONS.get(section)
        if key and (model is None or last not in model.model_fields):
            return f"`{key}` is no key of a stack file: give {name} its `key` in `changes`, or NOWHERE"
    return ""


def _judged(kind: Facts) -> str:
    judged = msgspec.structs.asdict(kind.judged)
    for rule, paths in judged.items():
        for path in paths:
            if path.partition(".")[0] not in kind.inputs.model_fields:
                return f"`judged.{rule}` names {path}, which is no input"
    for model, rule in ((Machine, "machines"), (Scaling, "max_replicas")):
        if issubclass(kind.inputs, model) and not judged[rule]:
            return f"`judged.{rule}` is empty, and its inputs are a {model.__name__}"
    return ""


def _costs(kind: Any, base: Any) -> str:
    silent = all(getattr(kind, name) is getattr(base, name) for name in ("billing_line", "running_cost"))
    if kind.costs is free or not silent:
        return ""
    return "it costs something: give it `billing_line` or `running_cost`"


def _calls(kind: Facts) -> str:
    found = unnamed(kind.calls)
    return f"permissions.json names no permission for {', '.join(found)}" if found else ""


def in_order(parts: Iterable[Part]) -> None:
    """Check the order of all parts.

    Raises:
        TypeError: a part comes before one that it needs, or two have one name; one line.
    """
    before: set[str] = set()
    for part in parts:
        if missing := sorted(set(part.after) - before):
            raise TypeError(f"part {part.name} comes after {', '.join(missing)}, which come later or nowhere")
        if part.name in before:
            raise TypeError(f"two parts are called {part.name}")
        before.add(part.name)
