"""The outputs in a state, brought from the version that wrote them to this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..vertex.errors import InvalidRequest

SCHEMA_KEY = "schema"


def _first(outputs: dict[str, Any]) -> dict[str, Any]:
    """0.1.0 wrote no schema; what it wrote is read as it is."""
    return outputs


UPGRADES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (_first,)
"""One for each schema: from the one before it."""
SCHEMA = len(UPGRADES)


def upgraded(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The same, as this version writes it; doing it twice changes nothing.

    Raises:
        InvalidRequest: a newer version wrote it.
    """
    written = int(outputs.get(SCHEMA_KEY) or 0)
    if written > SCHEMA:
        raise InvalidRequest(
            f"a newer pulumi-vertex-tuning wrote this state (schema {written}, this version knows {SCHEMA}); "
            "install that version or a later one"
        )
    found = dict(outputs)
    for upgrade in UPGRADES[written:]:
        found = upgrade(found)
    return {**found, SCHEMA_KEY: SCHEMA}
