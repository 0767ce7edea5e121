"""The seam between the lifecycle and each kind of resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol, TypeVar

import msgspec

from ..specs import ProjectId, Spec
from ..vertex.claim import HeldClaim
from ..vertex.claims import Claims
from ..vertex.client import Vertex
from ..vertex.connection import Connection
from .phases import Observation
from .process import Interrupted

Value = TypeVar("Value")
_SPARSE = object()
Sparse = Annotated[Value, _SPARSE]
"""The type of an input that is declared only where it is neither empty nor zero."""


class ResourceInputs(Spec):
    """Inputs that every kind has.

    Attributes:
        service: the service's name, for messages.
        owner: who may change and delete: project, stack and service.
        urn: the resource's own URN, for progress in its row.
        wait: return when ready, instead of when asked for.
    """

    project: ProjectId
    region: str
    output_uri: str
    service: str
    owner: str
    urn: str = ""
    wait: bool = True

    def declared(self) -> dict[str, Any]:
        """What Pulumi is given: the inputs that were set, as plain values."""
        found = self.model_dump(mode="json", include=self.model_fields_set, exclude_none=True)
        for name, value in [*found.items()]:
            inner = getattr(self, name)
            if isinstance(inner, ResourceInputs):
                found[name] = inner.declared()
            elif not value and _SPARSE in type(self).model_fields[name].metadata:
                del found[name]
        return found


In_contra = TypeVar("In_contra", bound=ResourceInputs, contravariant=True)


class Clock(Protocol):
    """What is used of the module ``time``."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some moment, whatever is done to the machine's clock."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Context(msgspec.Struct, frozen=True):
    """What an external call may use; ``anew`` says that Pulumi has nothing of the resource in its state."""

    vertex: Vertex
    claims: Claims
    connection: Connection
    clock: Clock
    anew: bool = False

    def go_on(self) -> None:
        """Between steps that each take long and that nothing outside goes on with.

        Raises:
            Interrupted: the engine was asked to stop.
        """
        try:
            self.clock.sleep(0.0)
        except Interrupted as stopped:
            raise Interrupted(str(stopped), under_way=False) from None


class External(Protocol[In_contra]):
    """One kind of resource outside. Call order: top to bottom.

    Attributes:
        waits_in_line: a used-up quota is a reason to wait, not to fail.
    """

    waits_in_line: bool

    def observe(self, context: Context, inputs: In_contra, held: HeldClaim | None) -> Observation:
        """Look; never changes anything."""

    def submit(self, context: Context, inputs: In_contra, held: HeldClaim | None) -> HeldClaim | None:
        """Take the next step and return at once. Idempotent: a step already taken is found, not repeated."""

    def update(
        self, context: Context, _before: Mapping[str, Any], inputs: In_contra, held: HeldClaim | None
    ) -> None:
        """Bring what is there from ``_before`` (the last outputs) to ``inputs``."""

    def delete(self, context: Context, inputs: In_contra, held: HeldClaim | None) -> bool:
        """Undo; already gone is success. True if something of worth stays that may be taken over."""
