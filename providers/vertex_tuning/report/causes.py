"""Which edits are behind the steps of a preview, in the words of the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from .. import lifecycle
from ..lifecycle import Provider, compare
from ..resources import PROVIDERS as KINDS
from ..sources import from_root
from .model import Change, Data
from .preview import Op, Planned

PROVIDERS: Mapping[str, type[Provider[Any]]] = {provider.kind: provider for provider in KINDS}
_TOP = (
    "project",
    "region",
    "output_uri",
    "adopt_job",
    "export_uri",
    "delete_artifacts",
    "labels",
    "retrain",
)
LATER, WITH_IT = "takes effect next time", "takes effect with this"
"""What an edit means that makes no difference by itself: of what stays, and of what is made anew."""
# Follow from edits that are told themselves: a reader would take them for a second cause.
_FOLLOWS: Mapping[str, tuple[str, ...] | None] = {
    "Readiness": None,
    "TuningDataset": (
        "project",
        "region",
        "uri",
        "content",
        "tuning",
        "training_source",
        "training_bytes",
        "training_format",
        "base_model",
        "in_preview",
    ),
    "TuningJob": ("fingerprint", "fallback_region", "live_data", "billed_tokens", "price", "in_preview"),
    "TunedModel": ("project", "region", "fingerprint", "lineage", "promoted_job", "price", "in_preview"),
    "Endpoint": ("endpoint_id",),
    "DeployedModel": (
        "project",
        "region",
        "endpoint_id",
        "fingerprint",
        "model_id",
        "endpoint_display_name",
        "endpoint_labels",
        "request_response_logging",
        "private_service_connect",
        "adopted",
        "dedicated",
        "price",
    ),
}
_NAMES = {
    ("TuningJob", "region"): "tuning.location",
    ("Endpoint", "region"): "serving.region",
    ("Endpoint", "display_name"): "serving.endpoint_display_name",
    ("Endpoint", "kms_key"): "tuning.kms_key",
    ("Endpoint", "adopted"): "adopt_endpoint",
    ("TunedModel", "weights_uri"): "artifacts_uri",
    ("DeployedModel", "weights_uri"): "artifacts_uri",
    ("DeployedModel", "display_name"): "serving.model_display_name",
    ("DeployedModel", "retry"): "tuning.retry",
    ("TuningJob", "teacher"): "tuning.distillation",
    ("TunedModel", "checkpoint"): "serving.checkpoint",
    ("DeployedModel", "keep_checkpoints"): "tuning.keep_checkpoints",
    ("TunedModel", "retry"): "tuning.retry",
}
_SECTIONS = {"TuningJob": "tuning", "Endpoint": "serving", "DeployedModel": "serving"}
_LONGEST = 120
HIDDEN = "(hidden)"
"""Stands for the value of a container's environment variable: reports are public where pull requests are."""
_COSTLIEST_FIRST = (
    lifecycle.Change.RETRAIN.value,
    lifecycle.Change.MOVE.value,
    lifecycle.Change.REDEPLOY.value,
    lifecycle.Change.IN_PLACE.value,
    WITH_IT,
    LATER,
)


def changes(resources: Sequence[Planned]) -> tuple[Change, ...]:
    """The edits of one service, those that cost most first, each once."""
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
    provider = PROVIDERS.get(resource.kind)
    if provider is None or _FOLLOWS[resource.kind] is None:
        return
    yield from _without_a_step(resource, provider, after)
    if resource.op is Op.SAME:
        return
    changed = compare(provider.changes, before, after)
    for name in (*changed.replacing, *changed.in_place):
        if follows(resource.kind, name):
            continue
        key, means = key_of(resource.kind, name), provider.changes[name].change.value
        outside = resource.declared.get(name) == after.get(name)
        yield from _edits(key, before.get(name), after.get(name), means, outside=outside)
    attempts = [(side.get("lineage") or {}).get("attempt", 1) for side in (before, after)]
    if resource.kind == "TunedModel" and attempts[0] != attempts[1]:
        yield Change(
            key="tuning.attempt",
            before=_shown(attempts[0]),
            after=_shown(attempts[1]),
            means=lifecycle.Change.RETRAIN.value,
        )
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
    """Edits for which nothing is done: they say how the next change happens.

    They are compared with what was declared last, because outputs keep what was declared at the last step.
    """
    step = lifecycle.Change.IN_PLACE.because("here every difference counts")
    table = dict.fromkeys(without_a_step(resource.kind, provider), step)
    for name in compare(table, resource.declared, after).in_place:
        means = WITH_IT if resource.op is Op.REPLACE else LATER
        yield from _edits(key_of(resource.kind, name), resource.declared.get(name), after.get(name), means)


def without_a_step(kind: str, provider: type[Provider[Any]]) -> tuple[str, ...]:
    """The inputs of a kind that a user writes and whose edit makes no difference by itself."""
    found = (name for name, rule in provider.changes.items() if rule.change is lifecycle.Change.NONE)
    # ``wait`` is of no kind's table; each service has one tuned model, which tells it once.
    waits = ("wait",) if kind == "TunedModel" else ()
    return (*(name for name in found if not follows(kind, name)), *waits)


def _parts(was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """What differs inside two mappings, key by key; or the two values."""
    if not isinstance(was, Mapping) or not isinstance(now, Mapping):
        yield "", was, now
        return
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            yield f".{key}", was.get(key), now.get(key)


def follows(kind: str, name: str) -> bool:
    """Whether an input changes only because of an edit that is told itself."""
    names = _FOLLOWS[kind]
    return names is None or name in names


def key_of(kind: str, name: str) -> str:
    """Where an input of a kind is written, below its service in a stack file."""
    if (kind, name) in _NAMES:
        return _NAMES[kind, name]
    return name if name in _TOP or kind not in _SECTIONS else f"{_SECTIONS[kind]}.{name}"


def _edits(key: str, was: Any, now: Any, means: str, *, outside: bool = False) -> Iterator[Change]:
    """What differs at a key or below it, as a report shows it."""
    for below, old, new in _parts(was, now):
        before, after = (_shown(_masked(key + below, value)) for value in (old, new))
        yield Change(key=key + below, before=before, after=after, means=means, outside=outside)


def _masked(path: str, value: Any) -> Any:
    """The value without what a container's environment holds: names are shown, values are not."""
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
    """The datasets whose content changes or that go, with the examples before and after."""
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
