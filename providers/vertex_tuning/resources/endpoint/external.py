"""The calls of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ... import console, names
from ...lifecycle import (
    Context,
    Observation,
    Phase,
)
from ...names import OWNER_LABEL
from ...specs import RequestResponseLogging
from ...vertex.address import known_address
from ...vertex.claim import HeldClaim
from ...vertex.client import Endpoint as LiveEndpoint
from ...vertex.client import RequestLogging
from .._shared import assigned, folders, ownership
from .._shared.operations import ended, gone, made
from .._shared.ownership import Owner
from .inputs import EndpointInputs
from .undeploy import await_start, clear, not_to_share, take_off, unregister


def all_labels(labels: Mapping[str, str], owner_label: str) -> dict[str, str]:
    """The user's labels and the one that says whose it is."""
    return {**labels, OWNER_LABEL: owner_label}


def logging_of(asked: RequestResponseLogging | None) -> RequestLogging:
    """Where requests and answers are to be written; nowhere when it is not asked for."""
    return RequestLogging(asked.table, asked.sampling_rate) if asked is not None else RequestLogging()


class EndpointExternal:
    """The endpoint at Vertex AI."""

    waits_in_line = False

    def observe(self, context: Context, inputs: EndpointInputs, held: HeldClaim | None) -> Observation:
        """Ready when it is there, and also when it is only reserved: the first deployment makes it."""
        name, live = _located(context, inputs, held)
        links = {"endpoint": name, "console": console.endpoint(name)}
        links |= known_address(name, live, context.connection.endpoint)
        if inputs.adopted:
            unfit = not_to_share(context, inputs.name, live, inputs.owner)
            return Observation(
                Phase.FAILED if unfit else Phase.READY, {**links, "live": live is not None}, unfit
            )
        if live is None:
            return Observation(Phase.ABSENT if inputs.made_here else Phase.READY, {**links, "live": False})
        if OWNER_LABEL not in live.labels:
            # Model Garden has just made it; the deployment sets name and labels next.
            return Observation(Phase.READY, {**links, "live": True})
        labels = {key: value for key, value in live.labels.items() if key != OWNER_LABEL}
        seen = {"live": True, "labels": labels, "display_name": live.display_name}
        if inputs.request_response_logging is not None:
            seen["request_response_logging"] = msgspec.to_builtins(live.logging)
        return Observation(Phase.READY, {**links, **seen})

    def submit(self, context: Context, inputs: EndpointInputs, held: HeldClaim | None) -> HeldClaim | None:
        """Create it empty."""
        serving = context.vertex.serving
        labels = all_labels(inputs.labels, inputs.owner_label)
        psc, key = inputs.private_service_connect, inputs.kms_key
        logging = logging_of(inputs.request_response_logging)
        made(
            context,
            inputs.name,
            lambda: serving.create_endpoint(
                inputs.name,
                inputs.display_name,
                labels,
                psc,
                key,
                dedicated=inputs.dedicated is None,
                logging=logging,
            ),
            lambda: serving.endpoint(inputs.name) is not None,
        )
        return held

    def update(
        self, context: Context, before: Mapping[str, Any], inputs: EndpointInputs, held: HeldClaim | None
    ) -> None:
        """Set name, labels and logging, if it is there and ours."""
        name, live = _located(context, inputs, held)
        logs = inputs.request_response_logging is not None or before.get("request_response_logging")
        if not inputs.adopted and live is not None:
            context.vertex.serving.patch_endpoint(
                name,
                display_name=inputs.display_name,
                labels=all_labels(inputs.labels, inputs.owner_label),
                logging=logging_of(inputs.request_response_logging) if logs else None,
            )

    def delete(self, context: Context, inputs: EndpointInputs, held: HeldClaim | None) -> bool:
        """Take everything off, then delete it: nothing on it may bill once its owner is gone.

        That includes deployments that no state knows, because the run that started them was killed.
        An adopted endpoint stays, with all that others have deployed.
        """
        folder = names.claims_of_models(inputs.project, inputs.region)
        each_folder = folders.of_service(context, inputs.owner)
        claimed: dict[str, str] = {}
        owner = Owner(inputs.owner, endpoints=() if inputs.adopted else (inputs.endpoint_id,))
        served: set[str] = set()
        for there in each_folder:
            claimed |= self._begun(there, inputs, served)
        models = set(claimed)
        # What has begun may have shown meanwhile under which name Google made it.
        held = context.claims.again(held) if held is not None else None
        name, live = _located(context, inputs, held)
        if live is None:
            # A run that was killed may be making it still.
            for operation in context.vertex.serving.under_way(inputs.name):
                ended(context, operation)
            name, live = _located(context, inputs, held)
        own = live is not None and not inputs.adopted and ownership.has_endpoint(context, owner, live)
        if live is not None and not own and not inputs.adopted:
            ownership.skipped(name)
        if live is not None:
            if own:
                served |= {names.bare(deployed.model) for deployed in live.deployed}
                models.update(names.bare(deployed.model) for deployed in live.deployed)
            ours = [deployed.id for deployed in live.deployed if names.bare(deployed.model) in models]
            take_off(context, owner, name, ours)
        if own:
            gone(context, context.vertex.serving.delete_endpoint(name))
        for model_id in sorted(models):
            key = f"{folder}/{claimed.get(model_id, model_id)}"
            for there in each_folder:
                self._released(there, inputs, key, model_id, served=model_id in served)
        return False

    @staticmethod
    def _released(there: Context, inputs: EndpointInputs, key: str, model_id: str, *, served: bool) -> None:
        """Unregister a model and delete its claim, if the claim is this owner's or nobody's."""
        claim = there.claims.read(key, "")
        if claim is None or claim.claim.owner not in ("", inputs.owner):
            return
        owner = Owner(inputs.owner, claim.claim.reads if names.ours(model_id) else "")
        unregister(there, owner, inputs.project, inputs.region, model_id, served=served)
        there.claims.delete(claim)

    @staticmethod
    def _begun(context: Context, inputs: EndpointInputs, served: set[str]) -> dict[str, str]:
        """The models that claims of one folder say were begun on it; each shows by then.

        Registered ids, with the ids that are in the claims' keys. ``served`` gets those taken off a probe.
        """
        models: dict[str, str] = {}
        for held in context.claims.owned(
            names.claims_of_models(inputs.project, inputs.region), inputs.owner, ""
        ):
            model_id = held.key.rsplit("/", 1)[1]
            probe = names.endpoint(inputs.project, inputs.region, names.probe(model_id))
            # A claim without a resource was made by a run that was killed before it asked for anything.
            asked = assigned.asked_for(held.claim)
            if asked in ("", inputs.name, probe):
                now = await_start(context, held.claim.resource or inputs.name, held)
                models[assigned.registered(now)] = model_id
                if asked == probe:
                    owner = Owner(inputs.owner, now.claim.reads, (names.probe(model_id),))
                    served |= clear(context, owner, now.claim.resource)
        return models


def _located(
    context: Context, inputs: EndpointInputs, held: HeldClaim | None
) -> tuple[str, LiveEndpoint | None]:
    """The endpoint's name, which Google may have chosen otherwise, and the endpoint if it is there."""
    if held is not None and held.claim.resource and not inputs.adopted:
        found = context.vertex.serving.endpoint(held.claim.resource)
        if found is not None and assigned.is_own(found, inputs.name, inputs.owner):
            return held.claim.resource, found
    return inputs.name, context.vertex.serving.endpoint(inputs.name)
