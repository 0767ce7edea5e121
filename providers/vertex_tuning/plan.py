"""From a spec and its data's content to ids, fingerprints and the inputs of each resource.

Pure: everything that decides identity, replacement or cost is computed here, in the program, as
plain values. So a preview knows it, and an unknown output never causes a replacement.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from . import lineage, names
from .catalog import FINAL
from .dataset import Dataset
from .pricing import NO_PRICES, Book, Estimate, estimate
from .pricing.estimate import span
from .promotion import Promoted
from .specs import HyperParameters, ServiceSpec, ServingSpec, TuningSpec, is_gcs


class Place(msgspec.Struct, frozen=True):
    """Whose resources these are: Pulumi's project and stack."""

    project: str
    stack: str


class DataPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset: where it is read from, where the job reads it, and what identifies its content."""

    source: str
    uri: str
    content: str
    dataset: Dataset | None

    @property
    def live(self) -> bool:
        """Whether it is a user's object that may be overwritten: nothing pins its bytes before a tuning."""
        return is_gcs(self.source) and "#" not in self.source


class TuningPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A tuning and everything that follows from it."""

    fingerprint: str
    training: DataPlan
    validation: DataPlan | None
    job_output_uri: str
    artifacts_uri: str
    billed_tokens: int | None


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
    def by_kind(self) -> dict[str, dict[str, Any] | None]:
        """The inputs of what bills or is billed for, by kind of resource."""
        return {"TuningJob": self.job, "Endpoint": self.endpoint, "DeployedModel": self.deployed}


def short(text: str, length: int = 10) -> str:
    """The beginning of the text's SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def label_of(owner: str) -> str:
    """``owner`` as a label's value: readable, at most 63 characters, and still unique."""
    readable = re.sub(r"[^a-z0-9_-]+", "-", owner.lower()).strip("-")
    return f"{readable[:52]}-{short(owner)}"


def plan(
    spec: ServiceSpec,
    place: Place,
    datasets: Mapping[str, Dataset],
    prices: Book = NO_PRICES,
    promoted: Promoted | None = None,
) -> ServicePlan:
    """Everything that a service needs to be declared.

    Args:
        spec: the service.
        place: the Pulumi project and stack.
        datasets: for each local path in the spec, what was found in the file.
        prices: what things cost; everything is unknown without it.
        promoted: what ``from_stack`` names, read; without it the weights are left open.
    """
    owner = f"{place.project}/{place.stack}/{spec.identity}"
    tuning = _tuning(spec, spec.tuning, datasets) if spec.tuning else None
    common = {
        "project": spec.project,
        "region": spec.region,
        "output_uri": spec.output_uri,
        "service": spec.name,
        "owner": owner,
        "wait": spec.wait,
    }
    given = promoted.artifacts_uri if promoted else spec.artifacts_uri
    weights = {"fingerprint": tuning.fingerprint} if tuning else {"weights_uri": given}
    endpoint_id = _endpoint_id(spec, owner)
    retry = _given(spec.tuning, "retry") if spec.tuning else {}
    serving = {"endpoint_id": endpoint_id, "owner_label": label_of(owner)}
    job = {**common, **_job(spec, spec.tuning, tuning, owner)} if tuning and spec.tuning else None
    deployed = (
        {**common, **serving, **weights, **_deployed(spec, weights, endpoint_id), **retry}
        if spec.serve
        else None
    )
    costs = estimate(prices, job, deployed)
    paid = _priced(job, costs.once.told(costs.currency), unknown=bool(costs.once.unknown))
    return ServicePlan(
        owner=owner,
        endpoint_name=names.endpoint(spec.project, spec.region, endpoint_id) if spec.serve else None,
        tuning=tuning,
        readiness={
            **common,
            "tunes": tuning is not None,
            **_capacity(spec, weights, endpoint_id),
            "in_preview": spec.check_in_preview,
        },
        training_data={**common, **_data_inputs(spec, tuning, tuning.training)} if tuning else None,
        validation_data=(
            {**common, **_data_inputs(spec, tuning, tuning.validation)}
            if tuning and tuning.validation
            else None
        ),
        job=paid,
        model={
            **common,
            **weights,
            **_model(spec, tuning, promoted, owner),
            **retry,
            **({"again": paid} if retry else {}),
            **({"price": paid["price"]} if paid and "price" in paid else {}),
        },
        endpoint={**common, **serving, **_endpoint(spec)} if spec.serve else None,
        deployed=_priced(deployed, span(costs.hourly, costs.currency), unknown=bool(costs.hourly[1].unknown)),
        estimate=costs,
    )


def _priced(inputs: dict[str, Any] | None, price: str, *, unknown: bool) -> dict[str, Any] | None:
    return inputs if inputs is None or unknown else {**inputs, "price": price}


def fingerprint(spec: TuningSpec, training: str, validation: str | None) -> str:
    """Identity of a tuning: what is trained, how, on which content, and the attempt.

    Names, labels, places and accounts are not in it: they do not change what comes out.
    """
    said = {
        "version": 1,
        "base_model": spec.base_model,
        "mode": spec.mode.value,
        "custom_base_model": spec.custom_base_model,
        "training": training,
        "validation": validation,
        "attempt": spec.attempt,
        **{name: getattr(spec, name) for name in HyperParameters.model_fields},
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:40]


def _tuning(spec: ServiceSpec, tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> TuningPlan:
    training = _data(spec, tuning.training_data, datasets)
    validation = _data(spec, tuning.validation_data, datasets) if tuning.validation_data else None
    identity = fingerprint(tuning, training.content, validation.content if validation else None)
    output = f"{spec.output_uri}/{identity[:16]}"
    tokens = training.dataset.estimated_tokens * tuning.epochs if training.dataset else None
    return TuningPlan(
        fingerprint=identity,
        training=training,
        validation=validation,
        job_output_uri=output,
        artifacts_uri=f"{output}/{FINAL}",
        billed_tokens=tokens,
    )


def _data(spec: ServiceSpec, source: str, datasets: Mapping[str, Dataset]) -> DataPlan:
    if is_gcs(source):
        object_uri, _, generation = source.partition("#")
        uri = names.copied(spec.output_uri, object_uri, generation) if generation else object_uri
        return DataPlan(source=source, uri=uri, content=source, dataset=None)
    found = datasets[source]
    uri = f"{spec.output_uri}/datasets/{found.sha256[:32]}.jsonl"
    return DataPlan(source=source, uri=uri, content=f"sha256:{found.sha256}", dataset=found)


def _data_inputs(spec: ServiceSpec, tuning: TuningPlan, data: DataPlan) -> dict[str, Any]:
    counted = (
        {
            "crc32c": data.dataset.crc32c,
            "format": data.dataset.format.value,
            "examples": data.dataset.examples,
            "characters": data.dataset.characters,
            "estimated_tokens": data.dataset.estimated_tokens,
        }
        if data.dataset
        else {}
    )
    return {
        "source": data.source,
        "content": data.content,
        "uri": data.uri,
        "in_preview": spec.check_in_preview,
        **({"tuning": tuning.fingerprint} if data.live else {}),
        **counted,
    }


def _given(model: Any, *names: str) -> dict[str, Any]:
    dumped: dict[str, Any] = model.model_dump(mode="json", include=set(names), exclude_none=True)
    return dumped


def _job(spec: ServiceSpec, tuning: TuningSpec, planned: TuningPlan, owner: str) -> dict[str, Any]:
    return {
        "fingerprint": planned.fingerprint,
        "owner_label": label_of(owner),
        "job_output_uri": planned.job_output_uri,
        "training_uri": planned.training.uri,
        **({"validation_uri": planned.validation.uri} if planned.validation else {}),
        "live_data": [data.uri for data in (planned.training, planned.validation) if data and data.live],
        "in_preview": spec.check_in_preview,
        "display_name": tuning.display_name or spec.name,
        "labels": spec.labels,
        "retrain": spec.retrain.value,
        "reuse": tuning.reuse.value,
        **({"billed_tokens": planned.billed_tokens} if planned.billed_tokens is not None else {}),
        **({"adopt_job": spec.adopt_job} if spec.adopt_job else {}),
        **_given(tuning, "base_model", "mode", "custom_base_model", "service_account", "kms_key"),
        **_given(tuning, *HyperParameters.model_fields),
    }


def _model(
    spec: ServiceSpec, planned: TuningPlan | None, promoted: Promoted | None, owner: str
) -> dict[str, Any]:
    behind = promoted.lineage if promoted else None
    if planned is not None and spec.tuning is not None:
        behind = lineage.Lineage(
            fingerprint=planned.fingerprint,
            owner=owner,
            base_model=spec.tuning.base_model,
            mode=spec.tuning.mode.value,
            parameters=_given(spec.tuning, *HyperParameters.model_fields),
            training=_lineage_of(planned.training),
            validation=_lineage_of(planned.validation) if planned.validation else None,
            custom_base_model=spec.tuning.custom_base_model,
            attempt=spec.tuning.attempt,
            commit=spec.commit,
        )
    return {
        "lineage": msgspec.to_builtins(behind) if behind else {},
        **({"promoted_job": promoted.job} if promoted else {}),
        "delete_artifacts": spec.delete_artifacts,
        "in_preview": spec.check_in_preview,
        **({"export_uri": spec.export_uri} if spec.export_uri else {}),
    }


def _lineage_of(data: DataPlan) -> lineage.Data:
    examples = data.dataset.examples if data.dataset else None
    return lineage.Data(content=data.content, source=data.source, uri=data.uri, examples=examples)


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
    }


def _endpoint(spec: ServiceSpec) -> dict[str, Any]:
    if spec.adopt_endpoint is not None:
        return {"adopted": True, "display_name": spec.identity, "labels": {}}
    return {
        "display_name": spec.serving.endpoint_display_name or spec.name,
        "labels": spec.labels,
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
    "container",
    "service_account",
)
_SCALING = ("min_replicas", "max_replicas", "autoscaling_target")


def _deployed(spec: ServiceSpec, weights: Mapping[str, Any], endpoint_id: str) -> dict[str, Any]:
    return {
        "model_id": _model_id(spec.serving, spec.identity, weights, endpoint_id),
        "display_name": spec.serving.model_display_name or spec.name,
        "endpoint_display_name": spec.serving.endpoint_display_name or spec.name,
        "endpoint_labels": spec.labels,
        **({"adopted": True} if spec.adopt_endpoint else {}),
        **_given(spec.serving, "rollout", "evaluation", "canary", *_DEPLOYMENT, *_SCALING),
    }


def _capacity(spec: ServiceSpec, weights: Mapping[str, Any], endpoint_id: str) -> dict[str, Any]:
    """What readiness has to find free, and what changes when it has to look again."""
    if not spec.serve:
        return {"work": next(iter(weights.values())) or "unknown"}
    return {
        "work": _model_id(spec.serving, spec.identity, weights, endpoint_id),
        "endpoint_id": endpoint_id,
        "accelerator_type": spec.serving.accelerator_type,
        "accelerators": spec.serving.accelerator_count * max(spec.serving.min_replicas, 1),
        "rollout": spec.serving.rollout.value,
    }


def _model_id(serving: ServingSpec, name: str, weights: Mapping[str, Any], endpoint_id: str) -> str:
    said = [endpoint_id, dict(weights), _given(serving, *_DEPLOYMENT)]
    return f"{names.PREFIX}{name}-{short(msgspec.json.encode(said, order='sorted').decode(), 12)}"
