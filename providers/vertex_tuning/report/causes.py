"""Which edits cause a preview's steps, by their keys in the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from .. import lifecycle
from ..lifecycle import Provider, compare
from ..resources import KINDS
from ..sources import from_root
from .model import Change, Data
from .preview import Op, Planned

LATER, WITH_IT = "takes effect next time", "takes effect with this"
"""The effect of an edit without its own change: for resources that stay, and for replaced ones."""
_LONGEST = 120
HIDDEN = "(hidden)"
"""Placeholder for values of container environment variables: reports may be public."""
_COSTLIEST_FIRST = (
    lifecycle.Change.RETRAIN.value,
    lifecycle.Change.MOVE.value,
    lifecycle.Change.REDEPLOY.value,
    lifecycle.Change.IN_PLACE.value,
    WITH_IT,
    LATER,
)


def changes(resources: Sequence[Planned]) -> tuple[Change, ...]:
    """The edits of one service, most expensive first, each once."""
    found = sorted(
        (
            change
            for resource in resources
            if resource.op in (Op.UPDATE, Op.REPLACE, Op.SAME)
            and resource.before is not None
            and resource.after is not None
            for change in _of(resource, resource.before, resource.after)
        ),
        key=lambda change: (_COSTLIEST_FIRST.index(change.means), change.key),
    )
    first: dict[str, Change] = {}
    for change in found:
        first.setdefault(change.key, change)
    return tuple(first.values())


def _of(resource: Planned, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    provider = KINDS.get(resource.kind)
    if provider is None or provider.section is None:
        return
    yield from _without_a_step(resource, provider, after)
    if resource.op is Op.SAME:
        return
    changed = compare(provider.changes, before, after)
    for name in (*changed.replacing, *changed.in_place):
        if not (key := provider.key_of(name)):
            continue
        means = provider.changes[name].change.value
        outside = resource.declared.get(name) == after.get(name)
        yield from _edits(key, before.get(name), after.get(name), means, outside=outside)
    for key, was, now, means in provider.edits(before, after):
        yield Change(key=key, before=_shown(was), after=_shown(now), means=means.value)
    if not changed:
        yield Change(
            key=f"progress of {resource.kind}",
            before=str(before.get("phase", "")),
            after="one step on",
            means=lifecycle.Change.IN_PLACE.value,
        )


def _without_a_step(
    resource: Planned, provider: type[Provider[Any]], after: Mapping[str, Any]
) -> Iterator[Change]:
    """Edits that change nothing now but affect the next change.

    They are compared with the last declaration, because outputs keep what was declared at the last step.
    """
    step = lifecycle.Change.IN_PLACE.because("every difference counts here")
    table = dict.fromkeys(without_a_step(provider), step)
    for name in compare(table, resource.declared, after).in_place:
        means = WITH_IT if resource.op is Op.REPLACE else LATER
        yield from _edits(provider.key_of(name), resource.declared.get(name), after.get(name), means)


def without_a_step(provider: type[Provider[Any]]) -> tuple[str, ...]:
    """The inputs of a kind that a user writes and whose edit alone changes nothing."""
    found = (name for name, rule in provider.changes.items() if rule.change is lifecycle.Change.NONE)
    return (*(name for name in found if provider.key_of(name)), *provider.reports)


def _parts(was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """The differences between two mappings, key by key; or the two values."""
    if not isinstance(was, Mapping) or not isinstance(now, Mapping):
        yield "", was, now
        return
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            yield f".{key}", was.get(key), now.get(key)


def _edits(key: str, was: Any, now: Any, means: str, *, outside: bool = False) -> Iterator[Change]:
    """The difference at a key or below it, as text."""
    for below, old, new in _parts(was, now):
        before, after = (_shown(_masked(key + below, value)) for value in (old, new))
        yield Change(key=key + below, before=before, after=after, means=means, outside=outside)


def _masked(path: str, value: Any) -> Any:
    """The value without the values of container environment variables."""
    if not isinstance(value, Mapping):
        return value
    if path == "serving.container.env":
        return dict.fromkeys(value, HIDDEN)
    if path == "serving.container" and isinstance(value.get("env"), Mapping):
        return {**value, "env": dict.fromkeys(value["env"], HIDDEN)}
    return value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def datasets(resources: Sequence[Planned], program: Path) -> Iterator[tuple[Planned, Data]]:
    """The changed and removed datasets, with the examples before and after."""
    stays = any(each.kind == "TunedModel" and each.after is not None for each in resources)
    for resource in resources:
        before, after = resource.before or {}, resource.after or {}
        gone = resource.after is None
        if resource.kind != "TuningDataset" or (gone and not stays):
            continue
        if before.get("content") == after.get("content"):
            continue
        role = "validation" if resource.urn.endswith("validation-data") else "training"
        yield (
            resource,
            Data(
                key=f"tuning.{role}_data",
                source=from_root(str((before if gone else after).get("source", "")), program),
                examples_before=_count(before.get("examples")),
                examples_after=_count(after.get("examples")),
                gone=gone,
            ),
        )


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None
