"""Classify a preview's changes: edits of files, progress, and drift."""

from __future__ import annotations

import enum
from collections import defaultdict

import msgspec

from vertex_tuning.lifecycle import Phase
from vertex_tuning.lifecycle.provider import PROVIDER_KEY
from vertex_tuning.report.preview import STACK, Preview, State, Step

ENDED_BADLY = (Phase.FAILED, Phase.LOST)
QUIET = ("same", "refresh", "read", "create-replacement", "delete-replaced")


class Kind(enum.StrEnum):
    """Why a resource would change."""

    EDIT = "edit"
    PROGRESS = "progress"
    DRIFT = "drift"
    FAILED = "failed"


class Change(msgspec.Struct, frozen=True):
    """One resource that an ``up`` would change.

    Attributes:
        kind: why.
        operation: Pulumi's word for it.
        resource: type and name, such as ``Endpoint tickets-endpoint``.
        keys: the inputs that differ from those of the last ``up``.
        says: what the plugin says about it in the preview.
    """

    kind: Kind
    operation: str
    resource: str
    keys: tuple[str, ...] = ()
    says: str = ""


def changes(preview: Preview) -> list[Change]:
    """What would change, from ``pulumi preview --refresh --json``.

    The refresh shows the old state and what it found: with the same inputs as
    then, a resource that was ready has drifted, and one that was not moves on, unless it ended badly.
    """
    looks = {step.urn: step for step in preview.steps if step.op == "refresh"}
    said: dict[str, list[str]] = defaultdict(list)
    for entry in preview.diagnostics:
        text = " ".join(entry.message.split())
        if text and text not in said[entry.urn]:
            said[entry.urn].append(text)
    found = []
    for step in preview.steps:
        if step.op in QUIET or f"::{STACK}::" in step.urn:
            continue
        kind, keys = _why(looks.get(step.urn), step)
        found.append(Change(kind, step.op, _named(step.urn), keys, "; ".join(said[step.urn])))
    return found


def _why(look: Step | None, step: Step) -> tuple[Kind, tuple[str, ...]]:
    if look is None or look.old_state is None or step.new_state is None:
        return Kind.EDIT, ()
    old, new = look.old_state.inputs, step.new_state.inputs
    keys = sorted(key for key in {*old, *new} - {PROVIDER_KEY} if old.get(key) != new.get(key))
    if keys:
        return Kind.EDIT, tuple(keys)
    if _phase(look.old_state) == Phase.READY:
        return Kind.DRIFT, ()
    found = step.old_state or look.new_state  # the step's is what the look found; the refresh's may be older
    return (Kind.FAILED if found is not None and _phase(found) in ENDED_BADLY else Kind.PROGRESS), ()


def _phase(state: State) -> str:
    """The phase that our resources have; any other is ready when it is there."""
    return str(state.outputs.get("phase", Phase.READY))


def _named(urn: str) -> str:
    _, _, kind, name = urn.split("::", 3)
    return f"{kind.rsplit('$', 1)[-1].rsplit(':', 1)[-1]} {name}"
