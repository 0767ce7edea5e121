"""The models that an endpoint serves now, with their lineage."""

from __future__ import annotations

import msgspec

from . import lineage
from .vertex.client import Vertex
from .vertex.errors import NotFound, VertexError


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A deployed model: its share of the traffic in per cent, its weights and their lineage.

    ``unknown`` says why there is no lineage.
    """

    deployed_id: str
    model: str
    traffic: int
    machines: str
    artifacts_uri: str | None
    lineage: lineage.Lineage | None
    unknown: str = ""


def look(vertex: Vertex, endpoint: str) -> list[Served]:
    """Every model on an endpoint, most traffic first.

    Raises:
        VertexError: the endpoint does not exist, or the caller may not read it.
    """
    found = vertex.serving.endpoint(endpoint)
    if found is None:
        raise NotFound("the endpoint does not exist")
    served = []
    for deployed in found.deployed:
        registered = vertex.serving.model(deployed.model)
        uri = registered.artifacts_uri if registered else None
        behind, unknown = _lineage(vertex, uri)
        served.append(
            Served(
                deployed_id=deployed.id,
                model=deployed.model,
                traffic=found.traffic.get(deployed.id, 0),
                machines=f"{deployed.machine_type} with {deployed.accelerator_count} x "
                f"{deployed.accelerator_type}",
                artifacts_uri=uri,
                lineage=behind,
                unknown=unknown,
            )
        )
    return sorted(served, key=lambda each: -each.traffic)


def _lineage(vertex: Vertex, artifacts_uri: str | None) -> tuple[lineage.Lineage | None, str]:
    if artifacts_uri is None:
        return None, "the registered model does not name its weights"
    uri = lineage.uri_of(artifacts_uri)
    try:
        content = vertex.storage.read(uri)
        if content is None:
            return None, f"{uri} does not exist: not tuned by this plugin, or by a version without lineage"
        return lineage.read(content[0]), ""
    except (VertexError, ValueError) as error:
        return None, f"{uri} cannot be read: {error}"
