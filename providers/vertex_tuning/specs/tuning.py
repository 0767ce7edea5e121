"""Base model, parameters and data of a tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from .. import catalog
from ..catalog import FailureKind, TuningMode
from .fields import (
    Checkpoints,
    CheckpointsChoice,
    Count,
    DataSource,
    GcsUri,
    KmsKey,
    Mode,
    ModelId,
    Rate,
    Reuse,
    ReuseChoice,
    ServiceAccount,
    Spec,
    Text,
    TuningLocation,
    whole,
)

NO_KEY_AT_GLOBAL = (
    f"Vertex AI takes no key for a tuning at {catalog.GLOBAL}; set tuning.location to the key's region, "
    f"one of {', '.join(catalog.tuning_regions())}"
)


class HyperParameters(Spec):
    """Training parameters. Vertex AI's defaults apply, except for epochs (3).

    Attributes:
        epochs: passes over the training data.
        learning_rate: step size of the optimizer.
        adapter_size: rank of the LoRA adapter; with ``PEFT_ADAPTER`` only.
        batch_size: examples in a step.
    """

    epochs: Count = 3
    learning_rate: Rate | None = None
    adapter_size: Count | None = None
    batch_size: Count | None = None

    @field_validator("adapter_size")
    @classmethod
    def _known_adapter_size(cls, value: int | None) -> int | None:
        if value is not None and value not in catalog.ADAPTER_SIZES:
            raise ValueError(f"must be one of {', '.join(map(str, catalog.ADAPTER_SIZES))}, not {value}")
        return value


class Retry(Spec):
    """When a failed tuning is submitted, and paid for, again automatically.

    Attributes:
        attempts: maximum number of jobs, the first included.
        on: kinds of transient failure; invalid requests are never retried.
    """

    attempts: Annotated[int, BeforeValidator(whole), Field(ge=2, le=5)]
    on: Annotated[
        tuple[Annotated[FailureKind, Field(strict=False)], ...], Field(strict=False, min_length=1)
    ] = tuple(FailureKind)


class Distillation(Spec):
    """Tune ``base_model``, the student, on a teacher's answers instead of those in the data.

    Attributes:
        teacher: managed model that answers the prompts; its tokens cost extra and use its own quota.
    """

    teacher: Annotated[str, Field(max_length=200)]

    @field_validator("teacher")
    @classmethod
    def _known_teacher(cls, value: str) -> str:
        if value not in catalog.TEACHERS:
            raise ValueError(f"{value!r} is not a teacher; {catalog.nearest_name(value, catalog.TEACHERS)}")
        return value


class TuningSpec(HyperParameters):
    """Base model, parameters and data of a tuning.

    Attributes:
        location: a region, or ``global``, which Google recommends: it chooses the region. By default the
            service's region, or ``global`` if that tunes no open models. A change keeps paid weights.
        base_model_unlisted: accept a ``base_model`` or mode that this version does not know: modes and
            lengths are not checked, and costs may be unknown.
        base_model: id of the open model; with ``custom_base_model`` its architecture.
        mode: ``FULL`` or ``PEFT_ADAPTER`` (LoRA).
        training_data: local JSONL path, or ``gs://BUCKET/OBJECT``, with ``#GENERATION`` to pin one.
        validation_data: optional, in the same format, with at most 25 % of the training data's bytes and
            5,000 examples.
        custom_base_model: folder of a checkpoint to start from instead of the published weights.
        service_account: the job's service account; by default Vertex AI's service agent.
        kms_key: key that encrypts the job: ``projects/P/locations/L/keyRings/R/cryptoKeys/K``.
        attempt: raise it to train the same thing again.
        reuse: ``project`` uses the weights of any succeeded job of the project with the same
            fingerprint, whoever owns it, instead of paying again; with ``retrain: deny`` it never pays.
        display_name: the job's name in the console; by default the service's name.
        keep_checkpoints: ``final`` deletes the intermediate checkpoints once the model serves; each takes as
            much storage as the final weights.
        distillation: tune on a teacher's answers to the prompts of ``training_data``.
        retry: retries of failed jobs; none by default and with ``retrain: deny``.
    """

    REFUSED: ClassVar[Mapping[str, str]] = {
        "learning_rate_multiplier": (
            "is for Google's own models, and Vertex AI refuses it for open ones; use learning_rate"
        )
    }

    location: TuningLocation | None = None
    base_model_unlisted: bool = False
    base_model: ModelId
    mode: Mode
    training_data: DataSource
    validation_data: DataSource | None = None
    custom_base_model: GcsUri | None = None
    service_account: ServiceAccount | None = None
    kms_key: KmsKey | None = None
    attempt: Count = 1
    reuse: ReuseChoice = Reuse.OUTPUT_URI
    display_name: Text | None = None
    keep_checkpoints: CheckpointsChoice = Checkpoints.ALL
    distillation: Distillation | None = None
    retry: Retry | None = None

    @field_validator("distillation")
    @classmethod
    def _is_a_student(cls, value: Distillation | None, info: ValidationInfo) -> Distillation | None:
        if value is None:
            return value
        student = info.data.get("base_model")
        if student is not None and not student.startswith(catalog.STUDENTS) and catalog.known_model(student):
            raise ValueError(f"{student} cannot be distilled; Qwen 3 (4B to 32B) and Gemma 3 can")
        if info.data.get("custom_base_model") is not None:
            raise ValueError("starts from the published student; remove custom_base_model")
        return value

    @field_validator("base_model", mode="before")
    @classmethod
    def _is_in_the_catalogue(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and not info.data.get("base_model_unlisted"):
            try:
                catalog.find_model(value)
            except ValueError as error:
                newer = "; base_model_unlisted: true accepts a newer one" if "@" in value else ""
                raise ValueError(f"{error}{newer}") from None
        return value

    @field_validator("kms_key")
    @classmethod
    def _key_has_a_region(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("location") == catalog.GLOBAL:
            raise ValueError(NO_KEY_AT_GLOBAL)
        return value

    @field_validator("mode")
    @classmethod
    def _mode_fits(cls, value: TuningMode, info: ValidationInfo) -> TuningMode:
        model = catalog.known_model(info.data.get("base_model", ""))
        if model is not None and value not in model.max_sequence and not info.data.get("base_model_unlisted"):
            modes = ", ".join(model.max_sequence)
            raise ValueError(f"{model.label} cannot be tuned with {value.value}; it allows {modes}")
        # An invalid size is not among the data although it was set.
        if value is TuningMode.FULL and info.data.get("adapter_size", "refused") is not None:
            raise ValueError("adapter_size needs PEFT_ADAPTER; remove it with FULL")
        return value
