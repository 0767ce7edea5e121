"""Compute ids, fingerprints and each resource's inputs from a spec and its data.

Pure: whatever decides identity, replacement or cost is computed here, in the program, as plain values. So a
preview knows it, and unknown outputs never cause a replacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from . import names, tunings
from .dataset import Dataset
from .lifecycle import ResourceInputs
from .planning import Service
from .pricing import NO_PRICES, Book, Estimate
from .promotion import Promoted
from .resources import PROVIDERS, estimate
from .specs import ServiceSpec
from .tunings import TuningPlan

In = TypeVar("In", bound=ResourceInputs)


class Place(msgspec.Struct, frozen=True):
    """Pulumi's project and stack."""

    project: str
    stack: str

    def before(self, renamed_from: str | None) -> Place:
        """The project and stack before a rename."""
        project, _, stack = (renamed_from or self.stack).rpartition("/")
        return Place(project or self.project, stack)


class Planned(msgspec.Struct, frozen=True):
    """A resource that a service has: its kind, and its inputs."""

    kind: str
    inputs: ResourceInputs


class ServicePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a service declares.

    Attributes:
        endpoint_name: the full resource name, known before anything exists.
        parts: its resources, by the names of their parts, in order.
    """

    owner: str
    endpoint_name: str | None
    tuning: TuningPlan | None
    parts: Mapping[str, Planned]
    estimate: Estimate

    def of(self, inputs: type[In]) -> In | None:
        """The inputs of this type; ``None`` if the service has no such resource."""
        return next((each.inputs for each in self.parts.values() if isinstance(each.inputs, inputs)), None)

    @property
    def declared(self) -> dict[str, dict[str, Any]]:
        """The inputs of each part, as Pulumi is given them."""
        return {name: each.inputs.declared() for name, each in self.parts.items()}

    @property
    def resources(self) -> list[tuple[str, dict[str, Any]]]:
        """The same, each with its kind."""
        return [(each.kind, each.inputs.declared()) for each in self.parts.values()]


def plan(
    spec: ServiceSpec,
    place: Place,
    datasets: Mapping[str, Dataset],
    prices: Book = NO_PRICES,
    promoted: Promoted | None = None,
    beside: Sequence[ServiceSpec] = (),
) -> ServicePlan:
    """Plan a service.

    Args:
        spec: the service.
        place: the Pulumi project and stack.
        datasets: the dataset of each local path in the spec.
        prices: the price book; without it prices are unknown.
        promoted: the weights of ``from_stack``; without it they stay unknown.
        beside: of the program's services, one for each output bucket.
    """
    former = place.before(spec.stack_renamed_from)
    service = Service(
        spec=spec,
        owner=f"{former.project}/{former.stack}/{spec.identity}",
        tuning=tunings.planned(spec, spec.tuning, datasets) if spec.tuning else None,
        promoted=promoted,
        beside=tuple(beside),
        prices=prices,
    )
    parts = {
        part.name: Planned(provider.kind, inputs)
        for provider in PROVIDERS
        for part in provider.parts
        if (inputs := part.planned(service)) is not None
    }
    endpoint = names.endpoint(spec.project, spec.serving_region, service.endpoint_id)
    return ServicePlan(
        owner=service.owner,
        endpoint_name=endpoint if spec.serve else None,
        tuning=service.tuning,
        parts=parts,
        estimate=estimate(prices, ((each.kind, each.inputs.declared()) for each in parts.values())),
    )
