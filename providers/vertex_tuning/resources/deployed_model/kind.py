"""DeployedModel: weights on machines. It waits, and it bills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import Output
from pulumi.dynamic import CheckResult, DiffResult, ReadResult

from ... import cost, names
from ...lifecycle import NOWHERE, Change, Context, Declared, Observation, Phase, Provider, facts, process
from ...lifecycle.states import upgraded
from ...permissions import methods
from ...specs import Rollout
from ...vertex.claim import HeldClaim
from ...vertex.client import Vertex
from .._shared import assigned, preview
from .._tuning.retention import KEEP_FINAL, prune
from ..endpoint.undeploy import found_on, take_off
from . import costs, evaluation, traffic
from .external import DeployedModelExternal, has_traffic
from .inputs import DeployedModelInputs
from .orphans import orphans
from .stale import stale_deployments

PRUNES = f"deletes the intermediate checkpoints of its own tuning once it serves ({KEEP_FINAL})"
GAP = "downtime: the old model goes before the new one serves (rollout: recreate)"
GAP_OF_A_MOVE = "downtime: the old endpoint goes before the new one serves (wait: false)"
ENDPOINT = frozenset({"project", "region", "endpoint_id"})
"""Inputs that say which endpoint it is."""


class DeployedModelProvider(Provider[DeployedModelInputs]):
    """Pulumi's view of a deployed model."""

    kind = "DeployedModel"
    inputs = DeployedModelInputs
    external = DeployedModelExternal()
    claimed = True
    section = "serving"
    judged = facts.Judged(
        regions=("region",),
        machines=("machine_type",),
        models=(),
        max_epochs=(),
        max_replicas=("max_replicas",),
        required_labels=(),
        private_endpoints=(),
        evaluation_commands=("evaluation.command",),
    )
    orphans = orphans
    ids = (("endpoints", "endpoint"), ("models", "model_id"), ("models", "model"))
    calls = (
        *methods("ModelGardenService", "Deploy"),
        *methods("ModelService", "UploadModel RecommendSpec GetModel UpdateModel DeleteModel"),
        *methods("EndpointService", "CreateEndpoint GetEndpoint ListEndpoints UpdateEndpoint DeleteEndpoint"),
        *methods("EndpointService", "DeployModel MutateDeployedModel UndeployModel"),
        *methods("Operations", "GetOperation ListOperations"),
        *methods("PredictionService", "Predict"),
        *methods("storage.objects", "get insert list delete"),
    )
    costs = costs.of_machines
    parts = (facts.Part("deployed", DeployedModelInputs.planned, after=("model", "endpoint")),)
    changes = {
        "project": Change.MOVE.because("another project's endpoint", key=NOWHERE),
        "region": Change.MOVE.because("another region's endpoint", key=NOWHERE),
        "endpoint_id": Change.MOVE.because("another endpoint", key=NOWHERE),
        "fingerprint": Change.REDEPLOY.because("other weights", key=NOWHERE),
        "weights_uri": Change.REDEPLOY.because("other weights", key="artifacts_uri"),
        "checkpoint": Change.REDEPLOY.because("other weights"),
        "output_uri": Change.REDEPLOY.because(
            "the weights of the new folder serve, not those left in the old"
        ),
        "machine_type": Change.REDEPLOY.because("Vertex AI fixes the machines of a deployment"),
        "accelerator_type": Change.REDEPLOY.because("Vertex AI fixes the machines of a deployment"),
        "accelerator_count": Change.REDEPLOY.because("Vertex AI fixes the machines of a deployment"),
        "spot": Change.REDEPLOY.because("Vertex AI fixes the machines of a deployment"),
        "reservation": Change.REDEPLOY.because("Vertex AI fixes the machines of a deployment"),
        "flex_start": Change.REDEPLOY.because("Vertex AI fixes the machines of a deployment"),
        "scale_to_zero": Change.REDEPLOY.because("Vertex AI fixes it when a model is deployed"),
        "container": Change.REDEPLOY.because("another program serves"),
        "service_account": Change.REDEPLOY.because("Vertex AI fixes it when a model is deployed"),
        "redeploy": Change.REDEPLOY.because("it was asked for"),
        "min_replicas": Change.IN_PLACE.because("Vertex AI changes a deployment's scaling"),
        "max_replicas": Change.IN_PLACE.because("Vertex AI changes a deployment's scaling"),
        "autoscaling_target": Change.IN_PLACE.because("Vertex AI changes a deployment's scaling"),
        "required_replicas": Change.IN_PLACE.because("Vertex AI changes a deployment's scaling"),
        "container_logging": Change.IN_PLACE.because("Vertex AI switches a deployment's container logs"),
        "access_logging": Change.REDEPLOY.because("Vertex AI fixes it when a model is deployed"),
        "model_id": Change.FOLLOWS.because("a hash of what is redeployed for"),
        "owner_label": Change.FOLLOWS.because("the owner"),
        "rollout": Change.NONE.because("says how the next change happens"),
        "evaluation": Change.NONE.because("says what the next model has to show"),
        "canary": Change.NONE.because("says how the next model takes the traffic"),
        "display_name": Change.NONE.because(
            "fixed when the model is deployed", key="serving.model_display_name"
        ),
        "endpoint_display_name": Change.FOLLOWS.because("Endpoint keeps it"),
        "endpoint_labels": Change.FOLLOWS.because("Endpoint keeps them"),
        "request_response_logging": Change.FOLLOWS.because("Endpoint keeps it"),
        "private_service_connect": Change.FOLLOWS.because("another endpoint"),
        "retry": Change.NONE.because(
            "says what follows a failed tuning, which is nothing with retrain: deny", key="tuning.retry"
        ),
        "adopted": Change.FOLLOWS.because("another's endpoint has another id"),
        "dedicated": Change.FOLLOWS.because("a shared endpoint has another id"),
        "keep_checkpoints": Change.IN_PLACE.because(
            "the others are deleted once it serves", key="tuning.keep_checkpoints"
        ),
        "price": Change.NONE.because("is for messages", key=NOWHERE),
    }

    @classmethod
    def is_there(cls, vertex: Vertex, name: str) -> bool:
        """Whether it is at Vertex AI."""
        return vertex.serving.model(name) is not None

    def identity(self, inputs: DeployedModelInputs) -> str:
        """The registered model's name: it changes with everything that redeploys, and with the place."""
        return names.model(inputs.project, inputs.region, inputs.model_id)

    def untouched(self, inputs: DeployedModelInputs) -> None:
        """A forced replacement (`--replace`, `taint`) looks like a first create: what serves stays."""
        process.say(
            inputs.urn,
            "serves already and is left as it is: nothing was deployed. To deploy it anew, set "
            "serving.redeploy, or raise it",
        )

    def billing_line(self, inputs: DeployedModelInputs) -> str:
        """The machines, and before them those of the evaluation."""
        before = "" if inputs.evaluation is None else "; the same before that, for its evaluation"
        serving = cost.serving(
            inputs.machine_type,
            inputs.accelerator_type,
            inputs.accelerator_count,
            inputs.min_replicas,
            inputs.max_replicas,
            inputs.price,
        )
        return serving + before

    def deletes_first(self, news: Mapping[str, Any]) -> bool:
        """``recreate`` frees the old machines before it asks for new ones.

        Without waiting, the weights may be hours away: the old one serves on until they are there, and
        the step that then starts the new one takes it off first.
        """
        return news.get("rollout") == Rollout.RECREATE.value and bool(news.get("wait", True))

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Also warns if the model failed its evaluation before."""
        found = super().check(olds, news)
        if news.get("keep_checkpoints") and news.get("keep_checkpoints") != olds.get("keep_checkpoints"):
            process.say(str(news.get("urn", "")), PRUNES)
        if not preview.made_anew(olds, found):
            return found
        inputs = self._parsed(news)
        if inputs.owner in process.COMMAND.edited:
            # A preview shows inputs as outputs: so callers and saved plans get the name that counts.
            chosen = self.asked(inputs, lambda context: assigned.known_name(context, inputs.asked))
            found.inputs.update({"endpoint": chosen} if chosen else {})
        if news.get("evaluation"):
            told = self.asked(inputs, lambda context: evaluation.failed_before(context, inputs))
            if told:
                process.say(inputs.urn, told, warning=True)
        return found

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Also warns about downtime of the rollout, now or later.

        After an edit back to it the state says ready, whatever a rollout that was cut off has done: a look
        tells. Only an edit is paid for with one.
        """
        found = super().diff(_id, olds, news)
        if not found.changes and news.get("keep_checkpoints") and not olds.get("pruned"):
            return DiffResult(changes=True)
        if not found.changes and news.get("owner") in process.COMMAND.edited:
            return DiffResult(changes=self._was_left(olds, news))
        gap = GAP if news.get("rollout") == Rollout.RECREATE.value else ""
        if not gap and not news.get("wait", True) and not ENDPOINT.isdisjoint(found.replaces or ()):
            gap = GAP_OF_A_MOVE
        if found.replaces and gap:
            process.say(str(news.get("urn", "")), gap, warning=True)
        return found

    def _settled(self, context: Context, inputs: DeployedModelInputs, held: HeldClaim | None) -> Observation:
        """Delete the intermediate checkpoints, if asked, once it serves."""
        seen = super()._settled(context, inputs, held)
        if seen.phase is not Phase.READY or not inputs.keep_checkpoints or inputs.fingerprint is None:
            return seen
        done = prune(
            context,
            owner=inputs.owner,
            fingerprint=inputs.fingerprint,
            keep=inputs.checkpoint,
            urn=inputs.urn,
        )
        return Observation(seen.phase, {**seen.live, "pruned": done}, seen.reason)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What it is now; that checkpoints were deleted stays."""
        found = super().read(id_, props)
        kept = {"pruned": props["pruned"]} if "pruned" in props else {}
        return ReadResult(id_, {**(found.outs or {}), **kept})

    def _was_left(self, olds: dict[str, Any], news: dict[str, Any]) -> bool:
        seen = self.look(upgraded(olds), news)
        left = seen is not None and seen.phase is not Phase.READY
        if seen is not None and left:
            process.say(str(news.get("urn", "")), f"an earlier run was cut off: {seen.reason}")
        return left

    def _looked(self, context: Context, inputs: DeployedModelInputs, token: str) -> Observation:
        """Also warns if the model failed before, or if the old one stops first."""
        seen = super()._looked(context, inputs, token)
        if seen.phase is Phase.ABSENT and (failed := evaluation.failed_before(context, inputs)):
            process.say(inputs.urn, failed, warning=True)
        if seen.phase is Phase.ABSENT and inputs.rollout is Rollout.RECREATE:
            endpoint = assigned.endpoint(context, inputs.asked, inputs.owner)
            others = stale_deployments(context, traffic.wanted(inputs))
            if any(found_on(endpoint, left.model_id) for left in others):
                process.say(inputs.urn, GAP, warning=True)
        return seen

    def bound_by(self, inputs: DeployedModelInputs) -> str:
        """Its own claim."""
        return self._key(inputs)

    def overdue(
        self, context: Context, inputs: DeployedModelInputs, held: HeldClaim | None, seen: Observation
    ) -> str | None:
        """Undeploys a deployment that does not serve; one that serves counts as ready."""
        if seen.live.get("traffic"):
            return None
        if seen.phase not in (Phase.PENDING, Phase.PARTIAL):
            return ""
        self.take_back(context, inputs, held)
        return "the deployment did not serve yet and was undeployed; `pulumi up` deploys it again"

    def take_back(self, context: Context, inputs: DeployedModelInputs, held: HeldClaim | None) -> None:
        """Leave nothing of a failed deployment that bills; what serves serves on."""
        there, endpoint = inputs.located(context, held)
        mine = found_on(endpoint, there.registered_id)
        if endpoint is not None and has_traffic(endpoint, mine):
            idle = [deployed.id for deployed in mine if not endpoint.traffic.get(deployed.id)]
            take_off(context, inputs.owns, there.endpoint, idle)
            if held is not None and held.claim.operation:
                context.claims.note(held, operation="")
            return
        self.external.delete(context, inputs, held)
        # The delete may have written down in it what Google chose.
        if held is not None and (now := context.claims.again(held)) is not None:
            context.claims.delete(now)


class DeployedModel(Declared, module="vertex", name="DeployedModel"):
    """A tuned model on dedicated machines behind an endpoint."""

    provider = DeployedModelProvider

    deployed_id: Output[str]
    endpoint: Output[str]
    model: Output[str]
    traffic: Output[int]
    address: Output[str | None]
    verdict: Output[dict[str, Any] | None]
    phase: Output[str]
