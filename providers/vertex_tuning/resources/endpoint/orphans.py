"""Endpoints that are in no stack."""

from __future__ import annotations

from collections.abc import Iterator

from ... import names
from ...lifecycle.orphaned import Found, Orphan


def orphans(found: Found) -> Iterator[Orphan]:
    """Endpoints with our label, or with a name of ours."""
    for endpoint in found.endpoints:
        owner = endpoint.labels.get(names.OWNER_LABEL, "")
        ours = bool(owner) or names.ours(endpoint.name)
        if ours and endpoint.name.rsplit("/", 1)[-1] not in found.held.endpoints:
            yield Orphan("endpoint", endpoint.name, owner, "")
