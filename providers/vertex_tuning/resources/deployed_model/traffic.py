"""Who gets how much of an endpoint's traffic: a new model takes it at once, or in a canary's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ...lifecycle import Context, Observation, Phase, process
from ...names import OWNER_LABEL
from ...specs import Rollout, seconds
from ...vertex.address import known_address
from ...vertex.claim import HeldClaim
from ...vertex.client import Deployed, Endpoint
from ...vertex.errors import InvalidRequest, NotFound, PermissionMissing, Transient
from .._shared.operations import changing, finish
from ..endpoint.external import all_labels, logging_of
from ..endpoint.undeploy import found_on, take_off, whole
from .deploy import label_model, seen_weights, start, under_way
from .evaluation import Rejected, judge, still_passes
from .inputs import DeployedModelInputs
from .stale import Wanted, observed, stale_deployments, take_off_shown


def next_share(steps: Sequence[int], share: int) -> int:
    """The per cent that follow ``share``; after the last step, all."""
    return next((each for each in steps if each > share), 100)


def split(before: Mapping[str, int], mine: str, share: int) -> dict[str, int]:
    """The traffic with ``share`` per cent for ``mine``; the others keep their proportions."""
    others = {id_: each for id_, each in before.items() if id_ != mine and each}
    if share == 100 or not others:
        return {mine: 100}
    left = whole(others, 100 - share)
    return {**{id_: each for id_, each in left.items() if each}, **({mine: share} if share else {})}


def serving(
    context: Context,
    endpoint: Endpoint,
    mine: tuple[Deployed, ...],
    inputs: DeployedModelInputs,
    held: HeldClaim | None,
) -> Observation:
    """How far a model on its endpoint has come: ready with all the traffic and no predecessor beside it."""
    deployed = mine[0]
    share = endpoint.traffic.get(deployed.id, 0)
    if not as_asked(deployed, inputs):
        return _on_others(context, mine, inputs, held, {"deployed_id": deployed.id, "traffic": share})
    live: dict[str, Any] = {
        **known_address(inputs.endpoint, endpoint, context.connection.endpoint),
        "deployed_id": deployed.id,
        "endpoint": inputs.endpoint,
        "model": inputs.model,
        "traffic": share,
        "min_replicas": deployed.min_replicas,
        "max_replicas": deployed.max_replicas,
        "machine_type": deployed.machine_type,
        "accelerator_type": deployed.accelerator_type,
        "accelerator_count": deployed.accelerator_count,
        "spot": deployed.spot,
    }
    if inputs.autoscaling_target is not None:
        live["autoscaling_target"] = deployed.autoscaling_target
    if held is not None and held.claim.verdict is not None:
        live["verdict"] = msgspec.to_builtins(held.claim.verdict)
    if share != 100:
        due = _next_step(inputs, endpoint, deployed.id, held) if share else 0.0
        if due > context.claims.now():
            # A moment, not a duration: the line is an output too, and a refresh must not change it by itself.
            at = datetime.fromtimestamp(due, UTC)
            reason = f"canary: {share} % of the traffic, the next step at {at:%H:%M:%S} UTC"
            return Observation(Phase.PENDING, live, reason)
        return Observation(Phase.PARTIAL, live, f"deployed, with {share} % of the traffic")
    if made_now(inputs, endpoint):
        return Observation(Phase.PARTIAL, live, "deployed; the endpoint's labels are still to be set")
    others = Phase.PARTIAL if len(mine) > 1 else observed(stale_deployments(context, wanted(inputs)))
    if others is Phase.PARTIAL:
        return Observation(others, live, "serves; another deployment is still to be taken off")
    if others is Phase.PENDING:
        return Observation(others, live, "serves; another deployment starts, and is taken off then")
    if not inputs.adopted and changing(context, inputs.endpoint):
        return Observation(Phase.PENDING, live, "serves; an earlier run's change of the endpoint ends first")
    return Observation(Phase.READY, live)


def found(endpoint: Endpoint | None, inputs: DeployedModelInputs) -> tuple[Deployed, ...]:
    """Every deployment of the model: those on the machines that were asked for first, then by traffic."""
    mine = found_on(endpoint, inputs.registered_id)
    return tuple(sorted(mine, key=lambda deployed: not as_asked(deployed, inputs)))


def as_asked(deployed: Deployed, inputs: DeployedModelInputs) -> bool:
    """Whether it runs on the declared machines; Vertex AI fixes them when a model is deployed.

    Reservations are not compared: Google may name their project by number.
    """
    return _machines(deployed) == _machines(inputs)


def _machines(each: Deployed | DeployedModelInputs) -> tuple[str, str, int, bool, bool]:
    flex = bool(each.flex_start)
    return each.machine_type, each.accelerator_type, each.accelerator_count, each.spot, flex


def _on_others(
    context: Context,
    mine: tuple[Deployed, ...],
    inputs: DeployedModelInputs,
    held: HeldClaim | None,
    live: Mapping[str, Any],
) -> Observation:
    """Someone deployed our model on other machines: it serves on until one on ours takes its place."""
    machine, accelerator, count, spot, flex = _machines(mine[0])
    on = f"{'spot ' if spot else ''}{'flex-start ' if flex else ''}{machine} with {count} x {accelerator}"
    why = f"{mine[0].id} runs on {on}, which is not what is declared"
    started = under_way(context, inputs.endpoint, held)
    if started is not None:
        return Observation(started.phase, live, f"{why}; {started.reason}")
    if len(mine) > 1:
        # Another one would bill, and come out like those that are there.
        ids = ", ".join(deployed.id for deployed in mine)
        return Observation(Phase.FAILED, live, f"{why}: undeploy {ids} from {inputs.endpoint}, run again")
    weights = seen_weights(context, inputs)
    if weights.phase is not Phase.READY:
        return Observation(Phase.FAILED, live, f"{why}, and it cannot be deployed anew: {weights.reason}")
    return Observation(Phase.PARTIAL, live, f"{why}: one that is takes its place")


def _next_step(inputs: DeployedModelInputs, endpoint: Endpoint, mine: str, held: HeldClaim | None) -> float:
    """When a canary's next step is due, in seconds since the epoch; 0 if nothing is waited for."""
    if inputs.canary is None or held is None or not _others(endpoint, mine):
        return 0.0
    return held.claim.at + seconds(inputs.canary.wait)


def _others(endpoint: Endpoint, mine: str) -> bool:
    return any(share for id_, share in endpoint.traffic.items() if id_ != mine)


def advance(
    context: Context,
    inputs: DeployedModelInputs,
    endpoint: Endpoint,
    mine: tuple[Deployed, ...],
    held: HeldClaim | None,
) -> HeldClaim | None:
    """Give it more of the traffic, or all; with all, take its predecessors off.

    Raises:
        Rejected: with what it had, it did not pass the evaluation, and the others have the traffic again; or
            what it passed is not enough any more, and it has had none.
    """
    if not as_asked(mine[0], inputs):
        return _deploy_as_asked(context, inputs, endpoint, mine, held)
    share = endpoint.traffic.get(mine[0].id, 0)
    if not share and held is not None and inputs.evaluation is not None:
        still_passes(context, inputs, inputs.evaluation, held)
    canary = inputs.canary if held is not None and _others(endpoint, mine[0].id) else None
    if canary is None or held is None:
        _take(context, inputs, endpoint, mine)
        return held
    if share and inputs.evaluation is not None:
        try:
            verdict = judge(context, inputs, inputs.evaluation, mine[0].id, share=share)
        except Rejected:
            back = split(endpoint.traffic, mine[0].id, 0)
            context.vertex.serving.patch_endpoint(inputs.endpoint, traffic=back)
            raise
        held = context.claims.note(held, verdict=verdict)
    to = next_share(canary.steps, share)
    if to == 100:
        _take(context, inputs, endpoint, mine)
        return held
    # Written down first: a run that is killed in between waits longer, never less.
    held = context.claims.note(held, operation="")
    context.vertex.serving.patch_endpoint(inputs.endpoint, traffic=split(endpoint.traffic, mine[0].id, to))
    process.say(inputs.urn, f"canary: {to} % of the traffic, for {canary.wait}")
    return held


def _deploy_as_asked(
    context: Context,
    inputs: DeployedModelInputs,
    endpoint: Endpoint,
    mine: tuple[Deployed, ...],
    held: HeldClaim | None,
) -> HeldClaim:
    if held is None:
        raise Transient("the claim of this deployment is gone; run it again")
    if inputs.rollout is Rollout.RECREATE:
        take_off(context, inputs.owns, inputs.endpoint, [deployed.id for deployed in mine])
    return start(context, inputs, endpoint, held)


def _take(
    context: Context, inputs: DeployedModelInputs, endpoint: Endpoint, mine: tuple[Deployed, ...]
) -> None:
    made = made_now(inputs, endpoint)
    logs = made and inputs.request_response_logging is not None
    if made:
        _log_container(context, inputs, mine[0].id)
        label_model(context, inputs)
    if made or endpoint.traffic.get(mine[0].id, 0) != 100:
        context.vertex.serving.patch_endpoint(
            inputs.endpoint,
            traffic={mine[0].id: 100},
            labels=all_labels(inputs.endpoint_labels, inputs.owner_label) if made else None,
            display_name=inputs.endpoint_display_name if made else None,
            logging=logging_of(inputs.request_response_logging) if logs else None,
        )
    take_off(context, inputs.owns, inputs.endpoint, [deployed.id for deployed in mine[1:]])
    take_off_left(context, inputs)


def _log_container(context: Context, inputs: DeployedModelInputs, deployed_id: str) -> None:
    """Switch the container's logs on: Model Garden's one call has no field for them.

    A model that serves is worth more than its logs: where they are refused, it serves on without.
    """
    if not inputs.logging.container:
        return
    try:
        finish(context, context.vertex.serving.log_container(inputs.endpoint, deployed_id, on=True))
    except (InvalidRequest, PermissionMissing, NotFound) as error:
        process.say(inputs.urn, f"the container's logs stay off: {error}", warning=True)


def made_now(inputs: DeployedModelInputs, endpoint: Endpoint) -> bool:
    """Whether Model Garden has made the endpoint with this deployment: it cannot set labels."""
    return not inputs.adopted and OWNER_LABEL not in endpoint.labels


def take_off_left(context: Context, inputs: DeployedModelInputs) -> None:
    """Take off the service's other deployments, but for those that do not show yet."""
    take_off_shown(stale_deployments(context, wanted(inputs)), wanted(inputs))


def wanted(inputs: DeployedModelInputs) -> Wanted:
    """What of the service is to stay."""
    return Wanted(inputs.project, inputs.region, inputs.endpoint, inputs.model_id, inputs.owner, inputs.asked)
