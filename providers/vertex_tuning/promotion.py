"""Read another stack's served model from its outputs while the program runs.

Not with ``StackReference``, which returns ``Output``s: what decides identity has to be a plain value. A
direct call to the engine returns plain values.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import pulumi
from pydantic import TypeAdapter, ValidationError

from . import lineage
from .specs import FromStack, GcsUri, TuningJobName

OFFLINE = "VERTEX_TUNING_OFFLINE"
"""Set for previews without other stacks' states and without credentials, such as those of forks."""


class Promoted(msgspec.Struct, frozen=True):
    """Another stack's weights: folder, job and lineage."""

    artifacts_uri: str
    job: str
    lineage: lineage.Lineage


class NotPromotable(ValueError):
    """The other stack's model cannot be used; the text says why."""


def read(source: FromStack) -> Promoted | None:
    """Read the other stack's model; ``None`` in previews that may not read other stacks.

    Raises:
        NotPromotable: the stack or service does not exist, or is not settled.
    """
    if os.environ.get(OFFLINE) and pulumi.runtime.is_dry_run():
        return None
    return chosen(source, _outputs(source.stack))


def served(source: FromStack, services: Iterable[str]) -> Promoted | None:
    """The model that one of this stack's services already uses from there, or ``None``.

    It stays in use while the other stack tunes again or is gone.
    """
    own = "/".join((pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()))
    try:
        outputs = _outputs(own)
    except NotPromotable:
        return None
    for service in services:
        said = outputs.get(service)
        if isinstance(said, Mapping) and said.get("from_stack") == source.given():
            with suppress(msgspec.ValidationError):
                return _promoted(said)
    return None


def _outputs(stack: str) -> Mapping[str, Any]:
    try:
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
    except Exception as error:
        # The engine's error begins with the call's path.
        why = str(error).rpartition("error: ")[2]
        raise NotPromotable(f"stack {stack} cannot be read: {why}") from error
    return (answer.value or {}).get("outputs") or {}


def chosen(source: FromStack, outputs: Mapping[str, Any]) -> Promoted:
    """The weights in a stack's outputs.

    Raises:
        NotPromotable: the service does not exist, or is not settled.
    """
    said = outputs.get(source.service)
    if not isinstance(said, Mapping):
        there = ", ".join(sorted(outputs)) or "nothing; run its `up` first"
        raise NotPromotable(f"stack {source.stack} has no service {source.service!r}, it has {there}")
    if said.get("settled") is not True:
        raise NotPromotable(f"{source.service} of {source.stack} is not settled; finish its `up` first")
    try:
        return _promoted(said)
    except msgspec.ValidationError as error:
        raise NotPromotable(
            f"{source.service} of {source.stack} has no usable lineage ({error}): it was not tuned here, "
            "or by an older version; run its `up` again"
        ) from error


def _promoted(said: Mapping[str, Any]) -> Promoted:
    given = {key: said.get(key) for key in Promoted.__struct_fields__}
    found = msgspec.convert(given, Promoted, strict=False)
    try:
        TypeAdapter(tuple[GcsUri, TuningJobName]).validate_python((found.artifacts_uri, found.job))
    except ValidationError as error:
        raise msgspec.ValidationError(error.errors()[0]["msg"]) from error
    return found
