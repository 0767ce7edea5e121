"""Endpoint: the name that callers keep, in the state before anything bills, owner of what is on it."""

from __future__ import annotations

from functools import partial
from typing import Any

from pulumi import Output
from pulumi.dynamic import CreateResult, DiffResult, UpdateResult

from ...lifecycle import (
    NOWHERE,
    Change,
    Context,
    Declared,
    Provider,
    facts,
    process,
    told,
)
from ...lifecycle.states import upgraded
from ...permissions import methods
from ...vertex.claim import HeldClaim
from ...vertex.claims import contended
from ...vertex.client import Vertex
from .._shared import folders
from .._shared.operations import ended
from .._shared.ownership import Owner
from .external import EndpointExternal
from .inputs import EndpointInputs
from .orphans import orphans
from .undeploy import clear


class EndpointProvider(Provider[EndpointInputs]):
    """Pulumi's view of an endpoint."""

    kind = "Endpoint"
    inputs = EndpointInputs
    external = EndpointExternal()
    claimed = True
    section = "serving"
    judged = facts.Judged(
        regions=("region",),
        machines=(),
        models=(),
        max_epochs=(),
        max_replicas=(),
        required_labels=("labels",),
        private_endpoints=("private_service_connect",),
        evaluation_commands=(),
    )
    orphans = orphans
    ids = (("endpoints", "endpoint_id"), ("endpoints", "endpoint"))
    calls = (
        *methods("EndpointService", "CreateEndpoint GetEndpoint ListEndpoints UpdateEndpoint DeleteEndpoint"),
        *methods("EndpointService", "UndeployModel"),
        *methods("ModelService", "GetModel DeleteModel"),
        *methods("Operations", "GetOperation ListOperations"),
        *methods("storage.objects", "get insert list delete"),
    )
    costs = facts.free
    parts = (facts.Part("endpoint", EndpointInputs.planned, after=("readiness",)),)
    changes = {
        "project": Change.MOVE.because("an endpoint stays in its project"),
        "region": Change.MOVE.because("an endpoint stays in its region"),
        "endpoint_id": Change.MOVE.because("another endpoint", key=NOWHERE),
        "private_service_connect": Change.MOVE.because("Vertex AI fixes it when an endpoint is made"),
        "kms_key": Change.MOVE.because("Vertex AI fixes it when an endpoint is made", key="tuning.kms_key"),
        "dedicated": Change.MOVE.because("Vertex AI fixes it when an endpoint is made"),
        "adopted": Change.MOVE.because("whose it is differs; what serves on it stays", key="adopt_endpoint"),
        "display_name": Change.IN_PLACE.because(
            "Vertex AI can change it", key="serving.endpoint_display_name"
        ),
        "labels": Change.IN_PLACE.because("Vertex AI can change them"),
        "request_response_logging": Change.IN_PLACE.because("Vertex AI can change it"),
        "owner_label": Change.FOLLOWS.because("the owner"),
        "output_uri": Change.IN_PLACE.because("its claim goes along; an endpoint holds no data"),
    }

    @classmethod
    def is_there(cls, vertex: Vertex, name: str) -> bool:
        """Whether it is at Vertex AI."""
        return vertex.serving.endpoint(name) is not None

    def identity(self, inputs: EndpointInputs) -> str:
        """The full resource name, with the id that we chose."""
        return inputs.name

    def running_cost(self, _inputs: EndpointInputs) -> str:
        """It is nothing but a name; what it waits for to be undeployed is not."""
        return "bills nothing by itself, but a model that is still deployed on it bills by the hour"

    def made_nothing(self, context: Context, inputs: EndpointInputs, held: HeldClaim) -> bool:
        """Also that no endpoint was made whose answer was lost; one without models goes again."""
        if not super().made_nothing(context, inputs, held):
            return False
        for operation in context.vertex.serving.under_way(inputs.name):
            ended(context, operation)
        live = context.vertex.serving.endpoint(inputs.name)
        if live is None or inputs.adopted:
            return True
        if not live.deployed:
            clear(context, Owner(inputs.owner), inputs.name)
        return not live.deployed

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Also warns if callers need another address."""
        found = super().diff(id_, olds, news)
        name = self._parsed(news).name if found.replaces else id_
        if name != id_:
            before = olds.get("endpoint") or id_
            process.say(
                str(news.get("urn", "")), f"callers get a new endpoint: {name}, not {before}", warning=True
            )
        return found

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Also moves its claim to another folder, under the state's token."""
        olds = upgraded(olds)
        inputs, before, token = self._parsed(news), self._written(olds), str(olds.get("token") or "")
        moved = inputs.output_uri != before.output_uri and bool(token)
        if moved:
            with told(self.kind, inputs):
                was = self._held(self._context(before), before, token)
                there = self._context(inputs).claims
                held = there.take(self._key(inputs), inputs.owner, token)
                if was is not None and was.claim.resource and held.ours:
                    there.note(held, resource=was.claim.resource)
        made = super().update(id_, olds, news)
        if moved:
            with told(self.kind, inputs):
                contended(lambda: self._gone_from(self._context(before), before, token))
        return made

    def _gone_from(self, context: Context, inputs: EndpointInputs, token: str) -> None:
        held = self._held(context, inputs, token)
        if held is None:
            return
        if held.ours and not held.claim.waiters:
            context.claims.delete(held)
        else:
            context.claims.leave(held, token)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Also deletes its claims in the service's other folders."""
        made = super().create(props)
        inputs = self._parsed(props)
        with told(self.kind, inputs):
            for there in folders.of_service(self._context(inputs), inputs.owner)[1:]:
                contended(partial(self._superseded, there, inputs))
        return made

    def _superseded(self, context: Context, inputs: EndpointInputs) -> None:
        held = self._held(context, inputs, "")
        if held is not None and held.claim.owner == inputs.owner:
            self._gone_from(context, inputs, held.claim.token)

    def left_to_others(self, context: Context, inputs: EndpointInputs, token: str) -> bool:
        """Also checks whether another create has claimed it in another folder of the service."""
        if super().left_to_others(context, inputs, token):
            return True
        others = folders.of_service(context, inputs.owner)[1:]
        found = [self._held(there, inputs, token) for there in others]
        if not any(held and held.claim.owner == inputs.owner and not held.ours for held in found):
            return False
        # The other is the only one now: whoever deletes that has nobody to leave it to.
        self._gone_from(context, inputs, token)
        return True


class Endpoint(Declared, module="vertex", name="Endpoint"):
    """The stable name behind which tuned models come and go."""

    provider = EndpointProvider

    endpoint: Output[str]
    console: Output[str]
    address: Output[str | None]
