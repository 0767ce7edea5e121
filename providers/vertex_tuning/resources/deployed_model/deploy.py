"""What a deployment is made of, and how it is started."""

from __future__ import annotations

from ... import containers
from ...lifecycle import Context, Observation, Phase, process
from ...names import OWNER_LABEL
from ...vertex.claim import STARTING, HeldClaim
from ...vertex.client import ContainerSpec, Endpoint, Operation
from ...vertex.errors import (
    AlreadyExists,
    InvalidRequest,
    NoCapacity,
    NotFound,
    PermissionMissing,
    QuotaExceeded,
    TooManyRequests,
    Transient,
    VertexError,
    of_rpc,
)
from ...vertex.retry import outlasting
from .._shared import assigned
from .._shared.operations import made
from .._tuning import artifacts
from .._tuning.submission import never_answered
from ..endpoint.external import all_labels, logging_of
from .inputs import DeployedModelInputs

INTERNAL = frozenset({13, 14})
"""Codes of failures inside Google."""
CLOCKS_DIFFER = 1.0
"""Seconds by which the clocks of two of Google's services may differ."""
SOON = 300.0
"""Seconds after its start until which such a failure says nothing about the model."""
# Google's answer says that nothing was started; a lost or odd answer does not say so.
REFUSALS = (InvalidRequest, NotFound, PermissionMissing, QuotaExceeded, NoCapacity)


def seen_weights(context: Context, inputs: DeployedModelInputs) -> Observation:
    """Whether the weights that are to be deployed are there, and where."""
    return artifacts.look(
        context,
        fingerprint=inputs.fingerprint,
        weights_uri=inputs.weights_uri,
        retry=inputs.retry,
        checkpoint=inputs.checkpoint,
    )


def start(
    context: Context, inputs: DeployedModelInputs, endpoint: Endpoint | None, held: HeldClaim
) -> HeldClaim:
    """Start the deployment, and write its operation into the claim."""
    weights = seen_weights(context, inputs)
    uri = str(weights.live["artifacts_uri"])
    held = _after_failure(context, inputs, uri, held)
    on_existing = endpoint is not None
    asked = inputs.asked if inputs.endpoint != inputs.asked else ""
    if not on_existing and _takes_more_than_one_call(context, inputs):
        # Whoever undoes this deployment has to know of the endpoint before it is there.
        held = context.claims.note(held, resource=inputs.endpoint, asked=asked)
        _make_endpoint(context, inputs)
        on_existing = True
    if on_existing:
        _register(context, inputs, endpoint, uri)
    held = context.claims.note(held, resource=inputs.endpoint, asked=asked, operation=STARTING, reads=uri)
    try:
        operation = _start(context, inputs, uri, on_existing=on_existing)
    except REFUSALS as refused:
        if context.vertex.serving.under_way(inputs.endpoint, since=held.claim.at - CLOCKS_DIFFER):
            return held  # a proxy refused the call, but the deployment has started
        context.claims.note(held, operation="", unanswered=0)
        raise advised(context, inputs, uri, refused) from refused
    except (Transient, AlreadyExists) as unknown:
        # It may be running: later reads find it, or the grace period ends.
        refused_for_now = isinstance(unknown, TooManyRequests | AlreadyExists)
        return held if refused_for_now else context.claims.note(held, unanswered=held.claim.unanswered + 1)
    return context.claims.note(held, operation=operation, unanswered=0)


def under_way(context: Context, endpoint: str, held: HeldClaim | None) -> Observation | None:
    """The deployment that the claim says was started on this endpoint, unless it is over and well."""
    if held is None or not held.claim.operation:
        return None
    if held.claim.operation == STARTING:
        young = context.claims.age(held) < context.connection.grace_seconds
        if young or context.vertex.serving.under_way(endpoint):
            return Observation(Phase.PENDING, reason="looking for a deployment that was started earlier")
        found = _named(assigned.marked(context, held))
        if found is None and (given_up := never_answered(held, "deployment")):
            return Observation(Phase.FAILED, {"traffic": 0}, f"{given_up}, then `pulumi up` asks again")
        return found
    operation = context.vertex.serving.operation(held.claim.operation)
    if operation is None:
        return None
    if not operation.done:
        return Observation(Phase.PENDING, {"traffic": 0}, "machines start and load the weights")
    if operation.error_code:
        why = of_rpc(operation.error_code, operation.error_message)
        if isinstance(why, NoCapacity):
            return Observation(Phase.PARTIAL, {"traffic": 0}, f"no machines were free: {why}")
        if _deserves_another(operation, held):
            return Observation(Phase.PARTIAL, {"traffic": 0}, f"the deployment failed inside Google: {why}")
        return Observation(Phase.FAILED, {"traffic": 0}, f"deployment failed: {why}")
    return _named(assigned.of_operation(operation, held))


def _named(found: assigned.Chosen | None) -> Observation | None:
    if found is None:
        return None
    why = f"deployed; Google chose the names {found.endpoint} and models/{found.model_id}"
    return Observation(Phase.PARTIAL, {"traffic": 0}, why)


def _deserves_another(ended: Operation, held: HeldClaim) -> bool:
    """Whether a deployment failed inside Google soon after its start: repeated once, it mostly succeeds."""
    return ended.error_code in INTERNAL and ended.lasted < SOON and not held.claim.repeated


def _after_failure(context: Context, inputs: DeployedModelInputs, uri: str, held: HeldClaim) -> HeldClaim:
    """The claim, ready for another try after a deployment that failed.

    Raises:
        NoCapacity: it failed for lack of machines, which is a refusal, only later; reported once.
        VertexError: it failed otherwise, and is not tried again.
    """
    ended = context.vertex.serving.operation(held.claim.operation) if "/" in held.claim.operation else None
    if ended is None or not ended.error_code:
        return held
    refused = of_rpc(ended.error_code, ended.error_message)
    if not isinstance(refused, NoCapacity) and _deserves_another(ended, held):
        process.say(inputs.urn, f"the deployment failed inside Google ({refused}); it is tried once more")
        return context.claims.note_repeated(held)
    context.claims.note(held, operation="")
    raise advised(context, inputs, uri, refused)


def advised(context: Context, inputs: DeployedModelInputs, uri: str, refused: VertexError) -> VertexError:
    """The refusal; without machines, with regions and machines that Vertex AI recommends."""
    if not isinstance(refused, NoCapacity | QuotaExceeded):
        return refused
    try:
        with outlasting(None):
            fits = context.vertex.serving.fitting_machines(inputs.project, inputs.region, uri)
    except VertexError:
        # The advice is a courtesy: its failure must not hide the refusal.
        return refused
    if not fits:
        return refused
    return type(refused)(f"{str(refused).rstrip('.')}. Would fit: {', '.join(fits[:6])}")


def _takes_more_than_one_call(context: Context, inputs: DeployedModelInputs) -> bool:
    """Whether Model Garden's one call cannot make this deployment.

    It has no field for a service account or for access logs, and it refuses a model that is registered
    already: evaluated elsewhere, or left when an endpoint was deleted.
    """
    return (
        inputs.service_account is not None
        or inputs.logging.access
        or context.vertex.serving.model(inputs.model) is not None
    )


def _make_endpoint(context: Context, inputs: DeployedModelInputs) -> None:
    """Make the endpoint by a call of its own."""
    serving = context.vertex.serving
    labels = all_labels(inputs.endpoint_labels, inputs.owner_label)
    name, psc = inputs.endpoint_display_name, inputs.private_service_connect
    logging = logging_of(inputs.request_response_logging)
    made(
        context,
        inputs.endpoint,
        lambda: serving.create_endpoint(
            inputs.endpoint, name, labels, psc, None, dedicated=inputs.dedicated is None, logging=logging
        ),
        lambda: serving.endpoint(inputs.endpoint) is not None,
    )


def _register(context: Context, inputs: DeployedModelInputs, endpoint: Endpoint | None, uri: str) -> None:
    serving = context.vertex.serving
    if serving.model(inputs.model) is not None:
        return
    container = (
        _container(inputs) or _recommended(context, inputs, uri) or _copied(context, inputs, endpoint, uri)
    )
    if container is None:
        raise InvalidRequest(
            "Vertex AI recommends no container for these weights and none is deployed to copy from; "
            "set serving.container"
        )
    labels = {OWNER_LABEL: inputs.owner_label}
    made(
        context,
        inputs.model,
        lambda: serving.upload_model(inputs.model, inputs.display_name, uri, container, labels),
        lambda: serving.model(inputs.model) is not None,
    )


def label_model(context: Context, inputs: DeployedModelInputs) -> None:
    """Label the model that Model Garden's one call has registered: the call has no field for labels.

    By the label nobody else with the same output folder can be made to delete the model. Where the call is
    refused, the model serves on without it.
    """
    try:
        context.vertex.serving.label_model(inputs.model, {OWNER_LABEL: inputs.owner_label})
    except (InvalidRequest, PermissionMissing, NotFound) as error:
        process.say(inputs.urn, f"{inputs.model} has no label of its owner: {error}", warning=True)


def _recommended(context: Context, inputs: DeployedModelInputs, uri: str) -> ContainerSpec | None:
    """What Vertex AI recommends; nothing where it cannot be asked, as long as there is another to copy."""
    try:
        found = context.vertex.serving.recommended_container(
            inputs.project, inputs.region, uri, inputs.machine
        )
    except (InvalidRequest, NotFound, PermissionMissing) as error:
        process.say(inputs.urn, f"no recommended container: {error}", warning=True)
        return None
    return _fitted(inputs, found, uri, None) if found is not None else None


def _copied(
    context: Context, inputs: DeployedModelInputs, endpoint: Endpoint | None, uri: str
) -> ContainerSpec | None:
    """The container of a model that serves on the endpoint, with these weights in place of its own."""
    for deployed in endpoint.deployed if endpoint else ():
        old = context.vertex.serving.model(deployed.model)
        if old is not None and old.container.json.get("imageUri"):
            return _fitted(inputs, old.container, uri, old.artifacts_uri or "")
    return None


def _fitted(
    inputs: DeployedModelInputs, container: ContainerSpec, uri: str, copied_from: str | None
) -> ContainerSpec:
    count = inputs.accelerator_count
    try:
        json = containers.fitted(container.json, weights=uri, accelerators=count, copied_from=copied_from)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    return ContainerSpec(json)


def _start(context: Context, inputs: DeployedModelInputs, uri: str, *, on_existing: bool) -> str:
    serving = context.vertex.serving
    if on_existing:
        return serving.deploy(
            inputs.endpoint,
            inputs.model,
            inputs.display_name,
            inputs.machine,
            inputs.service_account,
            inputs.logging,
        )
    return serving.deploy_weights(
        inputs.endpoint,
        # The call takes no labels: by this name the endpoint is found if Google chooses another id and
        # the answer is lost. The name that the user wants follows with the labels.
        inputs.endpoint_id,
        inputs.model_id,
        inputs.display_name,
        uri,
        inputs.machine,
        _container(inputs),
        dedicated=inputs.dedicated is None,
        psc_projects=inputs.private_service_connect,
    )


def _container(inputs: DeployedModelInputs) -> ContainerSpec | None:
    return ContainerSpec(inputs.container.wire()) if inputs.container else None
