"""What a preview says, told apart: edits of files, work under way, and what was changed behind our back."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

READY = "ready"
ENDED_BADLY = ("failed", "lost")
QUIET = ("same", "refresh", "read", "create-replacement", "delete-replaced")
_OF_THE_SDK = "__provider"


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


def changes(preview: Mapping[str, Any]) -> list[Change]:
    """What would change, from ``pulumi preview --refresh --json``.

    The refresh tells what the state held before it looked, and what it found: with the same inputs as
    then, a resource that was ready has drifted, and one that was not moves on, unless it ended badly.
    """
    looks = {step["urn"]: step for step in preview.get("steps", ()) if step["op"] == "refresh"}
    said: dict[str, list[str]] = defaultdict(list)
    for entry in preview.get("diagnostics", ()):
        text = " ".join(str(entry.get("message", "")).split())
        if text and text not in said[entry.get("urn", "")]:
            said[entry.get("urn", "")].append(text)
    found = []
    for step in preview.get("steps", ()):
        urn = step["urn"]
        if step["op"] in QUIET or "::pulumi:pulumi:Stack::" in urn:
            continue
        kind, keys = _why(looks.get(urn, {}), step.get("oldState"), step.get("newState"))
        found.append(Change(kind, step["op"], _named(urn), keys, "; ".join(said[urn])))
    return found


def _why(
    look: Mapping[str, Any], there: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None
) -> tuple[Kind, tuple[str, ...]]:
    before = look.get("oldState")
    if before is None or wanted is None:
        return Kind.EDIT, ()
    old, new = before.get("inputs") or {}, wanted.get("inputs") or {}
    keys = sorted(key for key in {*old, *new} - {_OF_THE_SDK} if old.get(key) != new.get(key))
    if keys:
        return Kind.EDIT, tuple(keys)
    if _phase(before) == READY:
        return Kind.DRIFT, ()
    found = there or look.get("newState")  # the step's is what the look found; the refresh's may be older
    return (Kind.FAILED if found is not None and _phase(found) in ENDED_BADLY else Kind.PROGRESS), ()


def _phase(state: Mapping[str, Any]) -> str:
    return str((state.get("outputs") or {}).get("phase", READY))


def _named(urn: str) -> str:
    _, _, kind, name = urn.split("::", 3)
    return f"{kind.rsplit('$', 1)[-1].rsplit(':', 1)[-1]} {name}"
