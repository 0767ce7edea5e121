"""What another stack tuned and tested, read from that stack's outputs while the program runs.

Not through ``StackReference``, whose outputs are ``Output``s: what decides identity has to be a plain
value. The engine answers the same question at once when it is asked directly.
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
"""Set where a preview has neither others' states nor credentials, as for a stranger's pull request."""


class Promoted(msgspec.Struct, frozen=True):
    """Weights of another stack: where they are, which job made them, and what stands behind them."""

    artifacts_uri: str
    job: str
    lineage: lineage.Lineage


class NotPromotable(ValueError):
    """The other stack has nothing to hand on; the text says why."""


def read(source: FromStack) -> Promoted | None:
    """Ask the engine for the other stack's outputs; ``None`` in a preview that is not to look at others.

    An `up` always looks.

    Raises:
        NotPromotable: there is no such stack or service, or it is not settled.
    """
    if os.environ.get(OFFLINE) and pulumi.runtime.is_dry_run():
        return None
    return chosen(source, _outputs(source.stack))


def served(source: FromStack, services: Iterable[str]) -> Promoted | None:
    """What one of this stack's own services took over from there before; ``None`` if none did.

    Who hands on may be tuning anew, or be gone; that ends nothing here.
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
        # The engine tells the way of the call first.
        why = str(error).rpartition("error: ")[2]
        raise NotPromotable(f"stack {stack} cannot be read: {why}") from error
    return (answer.value or {}).get("outputs") or {}


def chosen(source: FromStack, outputs: Mapping[str, Any]) -> Promoted:
    """The promoted weights out of a stack's outputs.

    Raises:
        NotPromotable: the service is not there, or not settled.
    """
    said = outputs.get(source.service)
    if not isinstance(said, Mapping):
        there = ", ".join(sorted(outputs)) or "nothing; run its `up` first"
        raise NotPromotable(f"stack {source.stack} has no service {source.service!r}, it has {there}")
    if said.get("settled") is not True:
        raise NotPromotable(
            f"{source.service} of {source.stack} is not settled; run its `up` to the end first"
        )
    try:
        return _promoted(said)
    except msgspec.ValidationError as error:
        raise NotPromotable(
            f"{source.service} of {source.stack} does not say what it serves ({error}): it was not tuned, "
            "or by an older version; run its `up` once more"
        ) from error


def _promoted(said: Mapping[str, Any]) -> Promoted:
    given = {key: said.get(key) for key in Promoted.__struct_fields__}
    found = msgspec.convert(given, Promoted, strict=False)
    try:
        TypeAdapter(tuple[GcsUri, TuningJobName]).validate_python((found.artifacts_uri, found.job))
    except ValidationError as error:
        raise msgspec.ValidationError(error.errors()[0]["msg"]) from error
    return found
