"""From a spec and its data's content to ids, fingerprints and the inputs of each resource.

Pure: everything that decides identity, replacement or cost is computed here, in the program, as
plain values. So a preview knows it, and an unknown output never causes a replacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from . import checkpoints, names, tunings
from .dataset import Dataset
from .names import label_of, short
from .pricing import NO_PRICES, Book, Estimate, estimate
from .pricing.money import span
from .promotion import Promoted
from .specs import Checkpoints, Retrain, ServiceSpec
from .tunings import TuningPlan


class Place(msgspec.Struct, frozen=True):
    """Whose resources these are: Pulumi's project and stack."""

    project: str
    stack: str

    def before(self, renamed_from: str | None) -> Place:
        """The place whose resources these were before the stack, or the project, was renamed."""
        project, _, stack = (renamed_from or self.stack).rpartition("/")
        return Place(project or self.project, stack)


class ServicePlan(msgspec.Struct, frozen=True, kw_only=True):
    """All inputs of a service's resources; ``None`` for resources that it does not have.

    ``endpoint_name`` is the full resource name, known before anything exists.
    """

    owner: str
    endpoint_name: str | None
    tuning: TuningPlan | None
    readiness: dict[str, Any]
    training_data: dict[str, Any] | None
    validation_data: dict[str, Any] | None
    job: dict[str, Any] | None
    model: dict[str, Any]
    endpoint: dict[str, Any] | None
    deployed: dict[str, Any] | None
    estimate: Estimate

    @property
    def resources(self) -> list[tuple[str, dict[str, Any]]]:
        """The inputs of its resources, each with its kind."""
        found = (
            ("Readiness", self.readiness),
            ("TuningDataset", self.training_data),
            ("TuningDataset", self.validation_data),
            ("TuningJob", self.job),
            ("TunedModel", self.model),
            ("Endpoint", self.endpoint),
            ("DeployedModel", self.deployed),
        )
        return [(kind, inputs) for kind, inputs in found if inputs is not None]


def plan(
    spec: ServiceSpec,
    place: Place,
    datasets: Mapping[str, Dataset],
    prices: Book = NO_PRICES,
    promoted: Promoted | None = None,
    beside: Sequence[ServiceSpec] = (),
) -> ServicePlan:
    """Everything that a service needs to be declared.

    Args:
        spec: the service.
        place: the Pulumi project and stack.
        datasets: for each local path in the spec, what was found in the file.
        prices: what things cost; everything is unknown without it.
        promoted: what ``from_stack`` names, read; without it the weights are left open.
        beside: of the program's services, one for each output bucket.
    """
    former = place.before(spec.stack_renamed_from)
    owner = f"{former.project}/{former.stack}/{spec.identity}"
    tuning = tunings.planned(spec, spec.tuning, datasets) if spec.tuning else None
    common = {
        "project": spec.project,
        "region": spec.region,
        "output_uri": spec.output_uri,
        "service": spec.name,
        "owner": owner,
        "wait": spec.wait,
    }
    tuned = {**common, "region": spec.tuning_location if spec.tuning else spec.region}
    served = {**common, "region": spec.serving_region}
    given = promoted.artifacts_uri if promoted else spec.artifacts_uri
    chosen = spec.serving.checkpoint
    if promoted and chosen is not None:
        given = checkpoints.uri_of(checkpoints.output_of(promoted.artifacts_uri), chosen)
    weights = {"fingerprint": tuning.fingerprint} if tuning else {"weights_uri": given}
    at = {"checkpoint": chosen} if tuning and chosen is not None else {}
    endpoint_id = _endpoint_id(spec, owner)
    # A job that follows a failed one is paid for again, which is what `deny` is for.
    retry = tunings.given(spec.tuning, "retry") if spec.tuning and spec.retrain is Retrain.ALLOW else {}
    serving = {"endpoint_id": endpoint_id, "owner_label": label_of(owner)}
    job = (
        {**tuned, **tunings.job(spec, spec.tuning, tuning, label_of(owner))}
        if tuning and spec.tuning
        else None
    )
    deployed = (
        {**served, **serving, **weights, **_deployed(spec, weights, endpoint_id), **retry, **_kept(spec)}
        if spec.serve
        else None
    )
    costs = estimate(prices, job, deployed)
    paid = _priced(
        job, costs.once.told(costs.currency), unknown=bool(costs.once.unknown) and not costs.once.known
    )
    return ServicePlan(
        owner=owner,
        endpoint_name=names.endpoint(spec.project, spec.serving_region, endpoint_id) if spec.serve else None,
        tuning=tuning,
        readiness={
            **served,
            "tunes": tuning is not None,
            **({"fingerprint": tuning.fingerprint} if tuning else {}),
            **_capacity(spec, weights, endpoint_id),
            "in_preview": spec.check_in_preview,
            **_beside(spec, beside),
        },
        training_data={**common, **tunings.data_inputs(spec, tuning, tuning.training)} if tuning else None,
        validation_data=(
            {**common, **tunings.data_inputs(spec, tuning, tuning.validation)}
            if tuning and tuning.validation
            else None
        ),
        job=paid,
        model={
            **tuned,
            **weights,
            **at,
            **_model(spec, tuning, promoted, owner),
            **retry,
            **({"again": paid} if retry else {}),
            **({"price": paid["price"]} if paid and "price" in paid else {}),
        },
        endpoint={**served, **serving, **_endpoint(spec)} if spec.serve else None,
        deployed=_priced(
            deployed, span(costs.hourly, costs.currency, " an hour"), unknown=bool(costs.hourly[1].unknown)
        ),
        estimate=costs,
    )


def _priced(inputs: dict[str, Any] | None, price: str, *, unknown: bool) -> dict[str, Any] | None:
    return inputs if inputs is None or unknown else {**inputs, "price": price}


def _model(
    spec: ServiceSpec, planned: TuningPlan | None, promoted: Promoted | None, owner: str
) -> dict[str, Any]:
    behind = promoted.lineage if promoted else None
    if planned is not None and spec.tuning is not None:
        behind = tunings.behind(spec, spec.tuning, planned, owner)
    return {
        "lineage": msgspec.to_builtins(behind) if behind else {},
        **({"promoted_job": promoted.job} if promoted else {}),
        "delete_artifacts": spec.delete_artifacts,
        "in_preview": spec.check_in_preview,
        **({"export_uri": spec.export_uri} if spec.export_uri else {}),
    }


def _kept(spec: ServiceSpec) -> dict[str, Any]:
    """Whether the deployment deletes the intermediate checkpoints; written only where it does."""
    last_only = spec.tuning is not None and spec.tuning.keep_checkpoints is Checkpoints.FINAL
    return {"keep_checkpoints": Checkpoints.FINAL.value} if last_only else {}


def _endpoint_id(spec: ServiceSpec, owner: str) -> str:
    """Hangs on the owner, and on what is given to an endpoint when it is made and never again."""
    if spec.adopt_endpoint is not None:
        return spec.adopt_endpoint.rsplit("/", 1)[1]
    for_life = _for_life(spec)
    said = msgspec.json.encode([owner, for_life], order="sorted").decode() if for_life else owner
    return f"{names.PREFIX}{spec.identity}-{short(said)}"


def _for_life(spec: ServiceSpec) -> dict[str, Any]:
    psc = spec.serving.private_service_connect
    key = spec.tuning.kms_key if spec.tuning else None
    return {
        **({"private_service_connect": list(psc)} if psc is not None else {}),
        **({"kms_key": key} if key else {}),
        **_shared(spec),
    }


def _shared(spec: ServiceSpec) -> dict[str, Any]:
    """Only where it is so: ids of endpoints with a DNS name of their own were made without it."""
    return {} if spec.serving.dedicated else {"dedicated": False}


def _endpoint(spec: ServiceSpec) -> dict[str, Any]:
    if spec.adopt_endpoint is not None:
        return {"adopted": True, "display_name": spec.identity, "labels": {}}
    return {
        "display_name": spec.serving.endpoint_display_name or spec.name,
        "labels": spec.labels,
        **tunings.given(spec.serving, "request_response_logging"),
        **_for_life(spec),
    }


# What of a serving spec makes another deployment: it is in the registered model's id.
_DEPLOYMENT = (
    "machine_type",
    "accelerator_type",
    "accelerator_count",
    "spot",
    "reservation",
    "scale_to_zero",
    "checkpoint",
    "container",
    "service_account",
    "redeploy",
    "flex_start",
)
_SCALING = ("min_replicas", "max_replicas", "autoscaling_target", "required_replicas")


def _deployed(spec: ServiceSpec, weights: Mapping[str, Any], endpoint_id: str) -> dict[str, Any]:
    return {
        "model_id": _model_id(spec, weights, endpoint_id),
        "display_name": spec.serving.model_display_name or spec.name,
        "endpoint_display_name": spec.serving.endpoint_display_name or spec.name,
        "endpoint_labels": spec.labels,
        **({"adopted": True} if spec.adopt_endpoint else {}),
        **_shared(spec),
        **tunings.given(spec.serving, "rollout", "evaluation", "canary", *_DEPLOYMENT, *_SCALING),
        **tunings.given(spec.serving, "request_response_logging", "private_service_connect"),
        **_logs(spec),
        **({} if spec.serving.container_logging else {"container_logging": False}),
    }


def _logs(spec: ServiceSpec) -> dict[str, Any]:
    """Only what is asked for: it is in the registered model's id, and what an older version made has none."""
    return {"access_logging": True} if spec.serving.access_logging else {}


def _capacity(spec: ServiceSpec, weights: Mapping[str, Any], endpoint_id: str) -> dict[str, Any]:
    """What readiness has to find free, and what changes when it has to look again."""
    if not spec.serve:
        return {"work": next(iter(weights.values())) or "unknown"}
    return {
        "work": _model_id(spec, weights, endpoint_id),
        "endpoint_id": endpoint_id,
        "accelerator_type": spec.serving.accelerator_type,
        "accelerators": spec.serving.accelerator_count * spec.serving.max_replicas,
        **({"preemptible": True} if spec.serving.spot or spec.serving.flex_start else {}),
        "rollout": spec.serving.rollout.value,
    }


def _beside(spec: ServiceSpec, others: Sequence[ServiceSpec]) -> dict[str, Any]:
    """Those with another output bucket; mostly there is none."""
    own = names.bucket(spec.output_uri)
    found = [
        {"service": s.name, "project": s.project, "region": s.region, "output_uri": s.output_uri}
        for s in others
        if names.bucket(s.output_uri) != own
    ]
    return {"beside": found} if found else {}


def _model_id(spec: ServiceSpec, weights: Mapping[str, Any], endpoint_id: str) -> str:
    deployment = {**tunings.given(spec.serving, *_DEPLOYMENT), **_logs(spec)}
    said = [endpoint_id, spec.output_uri, dict(weights), deployment]
    return f"{names.PREFIX}{spec.identity}-{short(msgspec.json.encode(said, order='sorted').decode(), 12)}"
