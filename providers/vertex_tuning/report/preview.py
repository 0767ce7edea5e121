"""The parts of ``pulumi preview --json`` that a report needs."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from ..decoding import REFUSED
from ..lifecycle.provider import PROVIDER_KEY
from ..names import COMPONENT, TYPES

MOST_BYTES = 256 * 2**20
STACK = "pulumi:pulumi:Stack"


Urn = Annotated[str, msgspec.Meta(pattern=r"^urn:pulumi:[^:]+::[^:]*::.+::.+$")]


class Op(enum.StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    SAME = "same"


# The engine's other steps, such as create-replacement, are parts of these.
_OPS = frozenset(Op)


class State(msgspec.Struct, frozen=True, rename="camel"):
    """A resource before or after."""

    type: str
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """One step of the engine."""

    op: str
    urn: Urn
    old_state: State | None = None
    new_state: State | None = None


class Diagnostic(msgspec.Struct, frozen=True):
    """A message of the engine, the program or a provider."""

    message: str
    severity: str = "info"
    urn: str = ""


class Preview(msgspec.Struct, frozen=True, rename="camel"):
    """The whole."""

    steps: tuple[Step, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    config: dict[str, Any] = {}


_PREVIEW = msgspec.json.Decoder(Preview)


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One of our resources: ``before`` has its outputs in the state, ``after`` the declared inputs.

    ``declared`` has the inputs that ``before`` was made with.
    """

    op: Op
    kind: str
    urn: str
    service: str
    before: Mapping[str, Any] | None
    declared: Mapping[str, Any]
    after: Mapping[str, Any] | None


def read_preview(text: bytes) -> Preview:
    """Parse it.

    Raises:
        ValueError: it is not what ``pulumi preview --json`` prints; one line.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"is larger than {MOST_BYTES // 2**20} MiB")
    try:
        preview = _PREVIEW.decode(text)
    except REFUSED as error:
        raise ValueError(f"is not what `pulumi preview --json` prints: {error}") from error
    if not preview.steps and not preview.diagnostics:
        raise ValueError("is not what `pulumi preview --json` prints: it has neither steps nor diagnostics")
    return preview


def stack_of(preview: Preview) -> str:
    """The stack's name."""
    return preview.steps[0].urn.split(":")[2] if preview.steps else ""


def ours(preview: Preview) -> list[Planned]:
    """Our resources, in the engine's order."""
    found = []
    for step in preview.steps:
        state = step.new_state or step.old_state
        if state is None or step.op not in _OPS or not state.type.startswith(TYPES):
            continue
        old, new = step.old_state, step.new_state
        before = {**old.inputs, **old.outputs} if old else None
        after = new.inputs if new and step.op != Op.DELETE else None
        found.append(
            Planned(
                op=Op(step.op),
                kind=state.type.removeprefix(TYPES),
                urn=step.urn,
                service=str((after or before or {}).get("service", "")),
                before=_plain(before),
                declared=old.inputs if old else {},
                after=_plain(after),
            )
        )
    return found


def one(parts: Sequence[Planned], kind: str) -> Planned | None:
    """The resource of a kind; the new one if an old one is deleted under another name."""
    found = sorted((part for part in parts if part.kind == kind), key=lambda part: part.op is Op.DELETE)
    return found[0] if found else None


def others(preview: Preview) -> dict[str, int]:
    """Numbers of other changed resources, by operation and type."""
    found: dict[str, int] = {}
    for step in preview.steps:
        state = step.new_state or step.old_state
        if state is None or step.op not in _OPS or step.op == Op.SAME:
            continue
        if not state.type.startswith((TYPES, COMPONENT, STACK, "pulumi:providers:")):
            key = f"{step.op} {state.type}"
            found[key] = found.get(key, 0) + 1
    return found


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {key: values[key] for key in values if key != PROVIDER_KEY}
