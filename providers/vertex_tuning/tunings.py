"""A planned tuning: its data, fingerprint and job inputs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from . import names
from .catalog import FINAL, billed_tokens
from .dataset import Dataset
from .specs import HyperParameters, ServiceSpec, TuningSpec, is_gcs


class DataPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset: its source, the object that the job reads, and its content's identity."""

    source: str
    uri: str
    content: str
    dataset: Dataset | None

    @property
    def live(self) -> bool:
        """Whether it is a user's object that may be overwritten before a tuning."""
        return is_gcs(self.source) and "#" not in self.source


class TuningPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A planned tuning and its derived values."""

    fingerprint: str
    training: DataPlan
    validation: DataPlan | None
    job_output_uri: str
    artifacts_uri: str
    billed_tokens: int | None


def fingerprint(spec: TuningSpec, training: str, validation: str | None, adopted: str | None = None) -> str:
    """A tuning's fingerprint: base model, parameters, content, attempt, and an adopted job.

    Names, labels, locations and accounts are not in it: they do not change the weights.
    """
    said = {
        "version": 1,
        "base_model": spec.base_model,
        "mode": spec.mode.value,
        "custom_base_model": spec.custom_base_model,
        "training": training,
        "validation": validation,
        "attempt": spec.attempt,
        # Part of every fingerprint since 0.1.0.
        "learning_rate_multiplier": None,
        **{name: getattr(spec, name) for name in HyperParameters.model_fields},
        **({"adopt_job": adopted} if adopted else {}),
        **({"teacher": spec.distillation.teacher} if spec.distillation else {}),
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:40]


def planned(spec: ServiceSpec, tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> TuningPlan:
    """Plan a tuning from its spec and its local datasets."""
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
