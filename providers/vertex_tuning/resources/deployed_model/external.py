"""The calls of a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...lifecycle import Context, Observation, Phase
from ...specs import Rollout
from ...vertex.claim import HeldClaim
from ...vertex.client import Deployed, Endpoint
from ...vertex.errors import Transient
from .._shared import assigned, folders
from .._shared.operations import finish
from ..endpoint.undeploy import await_start, clear, found_on, not_to_share, take_off, unregister
from . import evaluation, traffic
from .deploy import seen_weights, start, under_way
from .inputs import DeployedModelInputs


class DeployedModelExternal:
    """The registered model, its deployment and the endpoint's traffic.

    A deployment that is to be deleted before its successor serves is released instead, and
    serves on; the successor takes it off once it has the traffic (or, with ``recreate``, before it
    asks for machines).
    """

    waits_in_line = False

    def observe(self, context: Context, inputs: DeployedModelInputs, held: HeldClaim | None) -> Observation:
        """Ready when it is on the endpoint with all the traffic, and no predecessor is left there."""
        inputs, endpoint = inputs.located(context, held)
        unfit = not_to_share(context, inputs.endpoint, endpoint, inputs.owner) if inputs.adopted else ""
        if unfit:
            return Observation(Phase.FAILED, {"traffic": 0}, unfit)
        mine = traffic.found(endpoint, inputs)
        if endpoint is not None and mine:
            return traffic.serving(context, endpoint, mine, inputs, held)
        judged = evaluation.look(context, inputs, held) if inputs.evaluation is not None else None
        started = judged or under_way(context, inputs.endpoint, held)
        if started is not None:
            return started
        weights = seen_weights(context, inputs)
        if weights.phase is Phase.READY:
            return Observation(Phase.ABSENT, {"traffic": 0}, "not deployed")
        if weights.phase in (Phase.BLOCKED, Phase.PENDING):
            return Observation(Phase.BLOCKED, {"traffic": 0}, weights.reason)
        return Observation(weights.phase, {"traffic": 0}, weights.reason)

    def submit(
        self, context: Context, inputs: DeployedModelInputs, held: HeldClaim | None
    ) -> HeldClaim | None:
        """Deploy, evaluated first if asked; when it is deployed, give it traffic and end its predecessors."""
        inputs, endpoint = inputs.located(context, held)
        mine = traffic.found(endpoint, inputs)
        if endpoint is not None and mine:
            return traffic.advance(context, inputs, endpoint, mine, held)
        if held is None:
            raise Transient("the claim of this deployment is gone; run it again")
        if (named := assigned.noted(context, held, wanted=True)) is not None:
            return named
        if inputs.evaluation is not None:
            stepped = evaluation.step(context, inputs, inputs.evaluation, held)
            if stepped is not None:
                return stepped
        elif assigned.asked_for(held.claim) == evaluation.probe(inputs).asked:
            # The evaluation was cut off, and then taken out of the spec.
            clear(context, inputs.owns, held.claim.resource)
        if endpoint is not None and inputs.rollout is Rollout.RECREATE:
            traffic.take_off_left(context, inputs)
        return start(context, inputs, endpoint, held)

    def update(
        self, context: Context, before: Mapping[str, Any], inputs: DeployedModelInputs, held: HeldClaim | None
    ) -> None:
        """Change replicas, autoscaling and logs of a deployed model."""
        inputs, endpoint = inputs.located(context, held)
        mine = traffic.found(endpoint, inputs)
        if not mine or not traffic.as_asked(mine[0], inputs):
            return
        wanted, serving = inputs.machine, context.vertex.serving
        required = wanted.required_replicas not in (None, before.get("required_replicas"))
        asked = wanted.min_replicas, wanted.max_replicas, wanted.autoscaling_target
        if required or _scaling(mine[0]) != asked:
            finish(context, serving.rescale(inputs.endpoint, mine[0].id, wanted))
        if before.get("container_logging") != inputs.container_logging:
            finish(context, serving.log_container(inputs.endpoint, mine[0].id, on=inputs.logging.container))

    def delete(self, context: Context, inputs: DeployedModelInputs, held: HeldClaim | None) -> bool:
        """Take it off its machines and unregister it, unless it stands in for a successor; weights stay."""
        if held is not None:
            held = await_start(context, held.claim.resource or inputs.asked, held)
        inputs, endpoint = inputs.located(context, held)
        mine = found_on(endpoint, inputs.registered_id)
        if held is not None and has_traffic(endpoint, mine) and _has_successor(context, inputs, held):
            return True
        take_off(context, inputs.owns, inputs.endpoint, [deployed.id for deployed in mine])
        if inputs.evaluation is not None:
            clear(context, inputs.owns, evaluation.probe(inputs).located(context, held)[0].endpoint)
        unregister(context, inputs.owns, inputs.project, inputs.region, inputs.registered_id)
        return False


def has_traffic(endpoint: Endpoint | None, mine: tuple[Deployed, ...]) -> bool:
    """Whether callers are answered by one of these deployments."""
    return endpoint is not None and any(endpoint.traffic.get(deployed.id, 0) for deployed in mine)


def _has_successor(context: Context, inputs: DeployedModelInputs, held: HeldClaim) -> bool:
    """Whether another deployment of this service is claimed, which then does not serve yet."""
    folder = names.claims_of_models(inputs.project, inputs.region)
    return any(
        other.key != held.key
        for there in folders.of_service(context, inputs.owner)
        for other in there.claims.owned(folder, inputs.owner)
    )


def _scaling(deployed: Deployed) -> tuple[int, int, int | None]:
    return deployed.min_replicas, deployed.max_replicas, deployed.autoscaling_target
