"""Which edits are behind the steps of a preview, in the words of the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from .. import lifecycle
from ..lifecycle import Provider, compare
from ..resources.deployed_model import DeployedModelProvider
from ..resources.endpoint import EndpointProvider
from ..resources.readiness import ReadinessProvider
from ..resources.tuned_model import TunedModelProvider
from ..resources.tuning_dataset import TuningDatasetProvider
from ..resources.tuning_job import TuningJobProvider
from .model import Change, Data
from .preview import Op, Planned

PROVIDERS: Mapping[str, type[Provider[Any]]] = {
    provider.kind: provider
    for provider in (
        ReadinessProvider,
        TuningDatasetProvider,
        TuningJobProvider,
        TunedModelProvider,
        EndpointProvider,
        DeployedModelProvider,
    )
}
_TOP = ("project", "region", "output_uri", "adopt_job", "export_uri", "delete_artifacts", "labels")
# Follow from edits that are told themselves: a reader would take them for a second cause.
_FOLLOWS: Mapping[str, tuple[str, ...] | None] = {
    "Readiness": None,
    "TuningDataset": ("project", "region", "uri", "content", "tuning"),
    "TuningJob": ("fingerprint",),
    "TunedModel": ("project", "region", "fingerprint", "lineage"),
    "Endpoint": ("endpoint_id",),
    "DeployedModel": ("project", "region", "endpoint_id", "fingerprint", "model_id"),
}
_NAMES = {
    ("Endpoint", "display_name"): "serving.endpoint_display_name",
    ("Endpoint", "kms_key"): "tuning.kms_key",
    ("Endpoint", "adopted"): "adopt_endpoint",
    ("TunedModel", "weights_uri"): "artifacts_uri",
    ("DeployedModel", "weights_uri"): "artifacts_uri",
}
_SECTIONS = {"TuningJob": "tuning", "Endpoint": "serving", "DeployedModel": "serving"}
_LONGEST = 120


def changes(resources: Sequence[Planned]) -> tuple[Change, ...]:
    """The edits of one service, those that cost most first, each once."""
    found = {
        change.key: change
        for resource in resources
        if resource.op in (Op.UPDATE, Op.REPLACE)
        and resource.before is not None
        and resource.after is not None
        for change in _of(resource, resource.before, resource.after)
    }
    weights = {"re-train": 0, "move": 1, "redeploy": 2, "in place": 3}
    return tuple(sorted(found.values(), key=lambda change: (weights.get(change.means, 4), change.key)))


def _of(resource: Planned, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    provider = PROVIDERS.get(resource.kind)
    if provider is None or _FOLLOWS[resource.kind] is None:
        return
    changed = compare(provider.changes, before, after)
    for name in (*changed.replacing, *changed.in_place):
        if follows(resource.kind, name):
            continue
        key, means = key_of(resource.kind, name), provider.changes[name].value
        outside = resource.declared.get(name) == after.get(name)
        for below, was, now in _parts(before.get(name), after.get(name)):
            yield Change(key=key + below, before=_shown(was), after=_shown(now), means=means, outside=outside)
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
            means="in place",
        )


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


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def datasets(resources: Sequence[Planned]) -> Iterator[tuple[Planned, Data]]:
    """The datasets whose content changes, with the examples before and after."""
    for resource in resources:
        before, after = resource.before or {}, resource.after or {}
        if resource.kind != "TuningDataset" or resource.after is None:
            continue
        if before.get("content") == after.get("content"):
            continue
        role = "validation" if resource.urn.endswith("validation-data") else "training"
        yield (
            resource,
            Data(
                key=f"tuning.{role}_data",
                source=str(after.get("source", "")),
                examples_before=_count(before.get("examples")),
                examples_after=_count(after.get("examples")),
            ),
        )


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None
