"""A tuning before it exists: its data, its identity, and what its job is made of. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from . import names
from .catalog import FINAL, GLOBAL, LABELLED, billed_tokens, tuning_regions
from .dataset import Dataset
from .lineage import Data, Lineage
from .specs import HyperParameters, ServiceSpec, TuningSpec, is_gcs


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


def fingerprint(spec: TuningSpec, training: str, validation: str | None, adopted: str | None = None) -> str:
    """Identity of a tuning: what is trained, how, on which content, the attempt, and an adopted job.

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
        # In every fingerprint of 0.1.0, which had it as a parameter.
        "learning_rate_multiplier": None,
        **{name: getattr(spec, name) for name in HyperParameters.model_fields},
        **({"adopt_job": adopted} if adopted else {}),
        **({"teacher": spec.distillation.teacher} if spec.distillation else {}),
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:40]


def planned(spec: ServiceSpec, tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> TuningPlan:
    """A tuning, from its spec and what was found in its local files."""
    training = _data(spec, tuning.training_data, datasets)
    validation = _data(spec, tuning.validation_data, datasets) if tuning.validation_data else None
    identity = fingerprint(
        tuning, training.content, validation.content if validation else None, spec.adopt_job
    )
    output = f"{spec.output_uri}/{identity[:16]}"
    tokens = _tokens(tuning, training.dataset) * tuning.epochs if training.dataset else None
    return TuningPlan(
        fingerprint=identity,
        training=training,
        validation=validation,
        job_output_uri=output,
        artifacts_uri=f"{output}/{FINAL}",
        billed_tokens=tokens,
    )


def _tokens(tuning: TuningSpec, dataset: Dataset) -> int:
    return billed_tokens(tuning.base_model, tuning.mode.value, dataset.characters)


def _data(spec: ServiceSpec, source: str, datasets: Mapping[str, Dataset]) -> DataPlan:
    if is_gcs(source):
        object_uri, _, generation = source.partition("#")
        uri = names.copied(spec.output_uri, object_uri, generation) if generation else object_uri
        return DataPlan(source=source, uri=uri, content=source, dataset=None)
    found = datasets[source]
    uri = f"{spec.output_uri}/datasets/{found.sha256[:32]}.jsonl"
    return DataPlan(source=source, uri=uri, content=f"sha256:{found.sha256}", dataset=found)


def data_inputs(spec: ServiceSpec, tuning: TuningPlan, data: DataPlan) -> dict[str, Any]:
    """The inputs of one of its datasets."""
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
        **_to_check(spec, tuning, data),
    }


def _to_check(spec: ServiceSpec, tuning: TuningPlan, data: DataPlan) -> dict[str, Any]:
    """What Cloud Storage has to be asked about, and what is known for that already."""
    asked: dict[str, Any] = {}
    if is_gcs(data.source) and spec.tuning is not None:
        asked["base_model"] = spec.tuning.base_model
    if data.dataset is not None and data.dataset.images:
        asked["images"] = list(dict.fromkeys(image.uri for image in data.dataset.images))[:10]
    training = tuning.training
    if data is tuning.validation and (is_gcs(data.source) or is_gcs(training.source)):
        asked["training_source"] = training.source
        if training.dataset is not None:
            asked["training_bytes"] = training.dataset.size
            asked["training_format"] = training.dataset.format.value
        if data.dataset is not None:
            asked["bytes"] = data.dataset.size
    return asked


def job(spec: ServiceSpec, tuning: TuningSpec, planned: TuningPlan, owner_label: str) -> dict[str, Any]:
    """The inputs of a tuning's job."""
    return {
        "fingerprint": planned.fingerprint,
        "owner_label": owner_label,
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
        **({"teacher": tuning.distillation.teacher} if tuning.distillation else {}),
        **_fallback(spec),
        **given(tuning, "base_model", "mode", "custom_base_model", "service_account", "kms_key"),
        **given(tuning, *HyperParameters.model_fields),
    }


def _fallback(spec: ServiceSpec) -> dict[str, str]:
    """The region that takes a model which `global` does not; only one that the user has named himself."""
    tunes = spec.tuning_location == GLOBAL and spec.region in tuning_regions()
    return {"fallback_region": spec.region} if tunes else {}


def behind(spec: ServiceSpec, tuning: TuningSpec, planned: TuningPlan, owner: str) -> Lineage:
    """What is to stand behind its weights."""
    return Lineage(
        fingerprint=planned.fingerprint,
        owner=owner,
        base_model=tuning.base_model,
        mode=tuning.mode.value,
        parameters=given(tuning, *HyperParameters.model_fields),
        training=_read(planned.training),
        validation=_read(planned.validation) if planned.validation else None,
        custom_base_model=tuning.custom_base_model,
        teacher=tuning.distillation.teacher if tuning.distillation else None,
        labelled=f"{planned.job_output_uri}/{LABELLED}" if tuning.distillation else None,
        attempt=tuning.attempt,
        commit=spec.commit,
    )


def _read(data: DataPlan) -> Data:
    examples = data.dataset.examples if data.dataset else None
    return Data(content=data.content, source=data.source, uri=data.uri, examples=examples)


def given(model: Any, *names: str) -> dict[str, Any]:
    """These fields of a model as plain values, without those that are not set."""
    dumped: dict[str, Any] = model.model_dump(mode="json", include=set(names), exclude_none=True)
    return dumped
