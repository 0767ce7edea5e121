"""What Vertex AI would refuse about a tuning job of an open model."""

import re
from typing import Any

from vertex_emulator.catalog import BASE_MODELS, FULL, GLOBAL, PEFT, TUNING_REGIONS, BaseModel
from vertex_emulator.store.objects import Object
from vertex_emulator.store.projects import Project, ProjectSettings
from vertex_emulator.store.store import Store
from vertex_emulator.weights import existing_object, find_weights
from vertex_emulator.wire.errors import ApiError, invalid, precondition, unimplemented
from vertex_emulator.wire.names import check_display_name, check_labels, gcs_uri

Json = dict[str, Any]

_AGENT_NEEDS = {
    "roles/storage.objectUser": "storage.objects.create",
    "roles/storage.legacyBucketReader": "storage.buckets.get",
}
"""Roles of the tuning agent on the output bucket, and what it cannot do without."""
MAX_EPOCHS = 100
MOST_VALIDATION_SHARE = 0.25
MOST_VALIDATION_ROWS = 5000
_OTHER_SPECS = (
    "partnerModelTuningSpec", "veoTuningSpec", "veoLoraTuningSpec",
)  # fmt: skip


_MODEL_NAME = re.compile(r"(?:publishers/)?([a-z0-9-]+)/(?:models/)?([^/@]+@[^/@]+)")
_SIZES = frozenset({"ONE", "FOUR", "EIGHT", "SIXTEEN", "THIRTY_TWO"})
"""What the tuning service offers; the API's type has TWO as well."""


def check_request(job: Json, location: str, project: ProjectSettings) -> None:
    """Refuse what no state of the world could make right. Raises ApiError."""
    for other in _OTHER_SPECS:
        if other in job:
            raise ApiError(12, f"Tuning by {other} is not served by the embedded Vertex AI.")
    spec = job.get("supervisedTuningSpec")
    if spec is None:
        raise invalid("Required field is not set: tuning_job.supervised_tuning_spec")
    if "evaluationConfig" in spec:
        raise unimplemented("supervisedTuningSpec.evaluationConfig")
    if location not in TUNING_REGIONS | {GLOBAL}:
        raise invalid(f"Tuning of open models is not supported in region '{location}'.")
    if "preTunedModel" in job:
        raise invalid("pre_tuned_model is not supported for open source models: use custom_base_model.")
    base = _base_model(job.get("baseModel", ""), project)
    if location == GLOBAL:
        _check_global(job, base, project)
    mode = spec.get("tuningMode", "TUNING_MODE_UNSPECIFIED")
    if mode not in base.modes:
        allowed = ", ".join(sorted(base.modes))
        raise invalid(f"Tuning mode {mode} is not supported for base model '{base.id}': use {allowed}.")
    _check_hyperparameters(spec.get("hyperParameters", {}), mode)
    if not job.get("outputUri"):
        raise invalid("The output_uri field is required for this model.")
    gcs_uri(job["outputUri"], "output_uri")
    check_display_name(job.get("tunedModelDisplayName", ""), "tuned_model_display_name")
    check_labels(job.get("labels", {}))


def long_name(name: str) -> str:
    """A base model's name as `publishers/P/models/M@V`; jobs come back in either form."""
    found = _MODEL_NAME.fullmatch(name)
    return f"publishers/{found[1]}/models/{found[2]}" if found else name


def _base_model(name: str, project: ProjectSettings) -> BaseModel:
    """The base model, by either form of its resource name."""
    found = _MODEL_NAME.fullmatch(name)
    if found is None:
        raise invalid(f"Invalid open source publisher model resource name: '{name}'.")
    short = f"{found[1]}/{found[2]}"
    if short in project.unlisted_models:
        return BaseModel(short, frozenset({FULL, PEFT}))
    if short not in BASE_MODELS:
        raise invalid(f"Base model '{name}' is not supported.")
    return BASE_MODELS[short]


def _check_global(job: Json, base: BaseModel, project: ProjectSettings) -> None:
    if "encryptionSpec" in job:
        raise precondition("CMEK is not supported for tuning jobs in location 'global'.")
    if base.id in project.not_at_global:
        raise precondition(f"Base model '{base.id}' is not available in location 'global'.")


def _check_hyperparameters(given: Json, mode: str) -> None:
    epochs = int(given.get("epochCount", "1"))
    if not 1 <= epochs <= MAX_EPOCHS:
        raise invalid(f"hyper_parameters.epoch_count must be between 1 and {MAX_EPOCHS}, got {epochs}.")
    size = given.get("adapterSize", "ADAPTER_SIZE_UNSPECIFIED").removeprefix("ADAPTER_SIZE_")
    if size != "UNSPECIFIED" and mode != PEFT:
        raise invalid("hyper_parameters.adapter_size can only be given with TUNING_MODE_PEFT_ADAPTER.")
    if size not in _SIZES | {"UNSPECIFIED"}:
        raise invalid(f"hyper_parameters.adapter_size {size} is not supported.")
    if "learningRateMultiplier" in given:
        raise invalid("learning_rate_multiplier is not supported for open source models: use learning_rate.")
    rate = given.get("learningRate")
    if rate is not None and (isinstance(rate, str) or rate <= 0):
        raise invalid(f"hyper_parameters.learningRate must be a positive number, got {rate}.")
    if int(given.get("batchSize", "1")) < 1:
        raise invalid("hyper_parameters.batch_size must be at least 1.")


def check_inputs(store: Store, job: Json) -> None:
    """Refuse a job whose dataset, base weights or output bucket do not exist. Raises ApiError."""
    spec = job["supervisedTuningSpec"]
    training = existing_object(
        store, spec["trainingDatasetUri"], "supervised_tuning_spec.training_dataset_uri"
    )
    if uri := spec.get("validationDatasetUri"):
        validation = existing_object(store, uri, "supervised_tuning_spec.validation_dataset_uri")
        _check_validation(store, training, validation)
    if uri := job.get("customBaseModel"):
        find_weights(store, uri, "custom_base_model")
    bucket = gcs_uri(job["outputUri"], "output_uri").bucket
    if store.objects.bucket(bucket) is None:
        raise invalid(f"The bucket of output_uri, '{bucket}', does not exist.")


def _check_validation(store: Store, training: Object, validation: Object) -> None:
    if validation.size > MOST_VALIDATION_SHARE * training.size:
        raise invalid(
            f"The validation dataset has {validation.size} bytes, which is more than "
            f"{MOST_VALIDATION_SHARE:.0%} of the training dataset ({training.size} bytes)."
        )
    with store.blobs.path(validation.blob).open("rb") as file:
        rows = sum(1 for line in file if line.strip())
    if rows > MOST_VALIDATION_ROWS:
        raise invalid(f"The validation dataset has {rows} rows, which is more than {MOST_VALIDATION_ROWS}.")


def check_agent(store: Store, project: Project, output_uri: str) -> None:
    """Refuse a job whose output bucket the tuning agent may not use. Raises PERMISSION_DENIED."""
    agent = f"service-{project.number}@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com"
    bucket = store.objects.bucket(gcs_uri(output_uri, "output_uri").bucket)
    bindings = (bucket.bindings if bucket is not None else None) or ()
    roles = {item.role for item in bindings if f"serviceAccount:{agent}" in item.members}
    for role, permission in _AGENT_NEEDS.items():
        if role not in roles:
            raise ApiError(
                7,
                f"{agent} does not have {permission} access to the Google Cloud Storage bucket. Permission "
                f"'{permission}' denied on resource (or it may not exist).",
            )
