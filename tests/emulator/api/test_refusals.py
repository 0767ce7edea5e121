"""What Vertex AI would refuse, the embedded one refuses, with the same status and a message that says why."""

from typing import Any

import pytest

from tests.support.plain import BASE, ONE_L4, Plain

Json = dict[str, Any]
BAD_JOBS: dict[str, tuple[Json, int, str]] = {
    "a field that does not exist is a typing mistake, never ignored": ({"labelz": {}}, 400, "labelz"),
    "a base model outside of the documented list": ({"baseModel": "meta/llama9"}, 400, "meta/llama9"),
    "two source models are a oneof": (
        {"preTunedModel": {"tunedModelName": "x"}},
        400,
        "oneof",
    ),
    "an enum name that does not exist": ({"spec": {"tuningMode": "HALF"}}, 400, "HALF"),
    "an enum number that does not exist, which protobuf itself would keep": (
        {"spec": {"tuningMode": 7}},
        400,
        "tuning_mode",
    ),
    "no tuning mode: open models have no default": ({"spec": {"tuningMode": None}}, 400, "UNSPECIFIED"),
    "no dataset": ({"spec": {"trainingDatasetUri": None}}, 400, "training_dataset_uri"),
    "a dataset that is not in Cloud Storage": (
        {"spec": {"trainingDatasetUri": "/tmp/train.jsonl"}},  # noqa: S108
        400,
        "gs://",
    ),
    "a dataset that does not exist": (
        {"spec": {"trainingDatasetUri": "gs://no-such-bucket/train.jsonl"}},
        400,
        "not found",
    ),
    "a dataset path that climbs": (
        {"spec": {"trainingDatasetUri": "gs://bucket/../../etc/passwd"}},
        400,
        "'..'",
    ),
    "a validation dataset that does not exist": (
        {"spec": {"validationDatasetUri": "gs://no-such-bucket/v.jsonl"}},
        400,
        "validation_dataset_uri",
    ),
    "no output URI: an open model has nowhere else to go": ({"outputUri": None}, 400, "output_uri"),
    "an output bucket that does not exist": ({"outputUri": "gs://no-such-bucket/o"}, 400, "does not exist"),
    "an adapter size without an adapter": (
        {"spec": {"hyperParameters": {"adapterSize": "ADAPTER_SIZE_FOUR"}}},
        400,
        "adapter_size",
    ),
    "an adapter for a model that is tuned whole only": (
        {
            "baseModel": "meta/llama3-2@llama-3.2-1b-instruct",
            "spec": {"tuningMode": "TUNING_MODE_PEFT_ADAPTER"},
        },
        400,
        "TUNING_MODE_FULL",
    ),
    "more epochs than are sane": ({"spec": {"hyperParameters": {"epochCount": "101"}}}, 400, "epoch_count"),
    "a learning rate of nought": ({"spec": {"hyperParameters": {"learningRate": -1}}}, 400, "learningRate"),
    "the learning rate of Google's own models": (
        {"spec": {"hyperParameters": {"learningRateMultiplier": 1.0}}},
        400,
        "learning_rate_multiplier is not supported",
    ),
    "an adapter size of the type that the service does not offer": (
        {
            "spec": {
                "tuningMode": "TUNING_MODE_PEFT_ADAPTER",
                "hyperParameters": {"adapterSize": "ADAPTER_SIZE_TWO"},
            }
        },
        400,
        "adapter_size TWO",
    ),
    "a base model without a version": (
        {"baseModel": "google/gemma-3-4b-it"},
        400,
        "Invalid open source publisher model resource name",
    ),
    "a base model of a page to come": (
        {"baseModel": "google/gemma5@gemma-5-1b-it"},
        400,
        "is not supported",
    ),
    "a model that an earlier job tuned": (
        {"baseModel": None, "preTunedModel": {"tunedModelName": "x"}},
        400,
        "pre_tuned_model",
    ),
    "an adapter for a model whose adapters Google no longer tunes": (
        {"baseModel": "google/gemma3@gemma-3-4b-it", "spec": {"tuningMode": "TUNING_MODE_PEFT_ADAPTER"}},
        400,
        "TUNING_MODE_FULL",
    ),
    "a batch of nothing": ({"spec": {"hyperParameters": {"batchSize": "-2"}}}, 400, "batch_size"),
    "custom weights that are not there": ({"customBaseModel": "gs://no-such-bucket/w"}, 400, "config.json"),
    "a label in capitals": ({"labels": {"Team": "x"}}, 400, "label key"),
    "too many labels": ({"labels": {f"k{n}": "v" for n in range(65)}}, 400, "64"),
    "a display name that is too long": ({"tunedModelDisplayName": "x" * 129}, 400, "128"),
}


@pytest.mark.parametrize("reason", BAD_JOBS)
def test_a_bad_tuning_job_is_refused_before_it_costs_anything(plain: Plain, reason: str) -> None:
    changes, status, word = BAD_JOBS[reason]
    plain.rows()

    got, _, message = plain.refused("POST", f"v1beta1/{plain.location}/tuningJobs", plain.job(**changes))

    assert (got, word in message) == (status, True), message
    assert plain.vertex("GET", "/tuningJobs")["tuningJobs"] == []


def test_open_models_are_tuned_in_v1beta1_only(plain: Plain) -> None:
    plain.rows()

    status, _, message = plain.refused("POST", f"v1/{plain.location}/tuningJobs", plain.job())

    assert (status, "outputUri" in message) == (400, True), "v1's TuningJob has no output URI"


BAD_CALLS: dict[str, tuple[str, str, Json | list[str] | None, int, str]] = {
    "a region where open models are not tuned": (
        "POST", "v1beta1/projects/p/locations/europe-north1/tuningJobs",
        {"baseModel": "x", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b-b/x"}}, 400,
        "europe-north1",
    ),
    "a location that is no region": ("GET", "v1/projects/p/locations/mars/endpoints", None, 400, "mars"),
    "an endpoint without a name": ("POST", "v1/{location}/endpoints", {}, 400, "display_name"),
    "an endpoint id with capitals": (
        "POST", "v1beta1/{location}/endpoints?endpointId=Big", {"displayName": "x"}, 400, "Big",
    ),
    "an endpoint id of ten digits: those are the service's own": (
        "POST", "v1beta1/{location}/endpoints?endpointId=1234567890", {"displayName": "x"}, 400, "9 digits",
    ),
    "a query parameter that does not exist": (
        "POST", "v1/{location}/endpoints?endpoint_name=x", {"displayName": "x"}, 400, "endpoint_name",
    ),
    "a body that is no object": ("POST", "v1/{location}/endpoints", ["x"], 400, "object"),
    "an endpoint that does not exist": ("GET", "v1/{location}/endpoints/77", None, 404, "endpoints/77"),
    "a job that does not exist": ("GET", "v1/{location}/tuningJobs/77", None, 404, "tuningJobs/77"),
    "a model that does not exist": ("GET", "v1/{location}/models/m@2", None, 404, "models/m@2"),
    "an operation that does not exist": ("GET", "ui/{location}/operations/77", None, 404, "operations/77"),
    "a filter on a field that cannot be filtered on": (
        "GET", "v1/{location}/endpoints?filter=shoe_size%3D4", None, 400, "shoe_size",
    ),
    "a filter that does not parse": ("GET", "v1/{location}/models?filter=%28a", None, 400, "Invalid filter"),
    "a page token that nobody gave": ("GET", "v1/{location}/models?pageToken=%21", None, 400, "page token"),
    "weights that are not there": (
        "POST", "v1beta1/{location}:deploy", {"customModel": {"gcsUri": "gs://no-such-bucket/w"}}, 400,
        "config.json",
    ),
    "nothing to deploy": ("POST", "v1beta1/{location}:deploy", {}, 400, "custom_model"),
    "an L4 machine with the wrong number of L4s": (
        "POST", "v1beta1/{location}:deploy",
        {
            "publisherModelName": "publishers/google/models/gemma3@gemma-3-1b-it",
            "deployConfig": {"dedicatedResources": {
                "machineSpec": {**ONE_L4["machineSpec"], "acceleratorCount": 2}, "minReplicaCount": 1}},  # type: ignore[dict-item]
        },
        400, "1 x NVIDIA_L4",
    ),
    "no deletion of tuning jobs: Google has none": (
        "DELETE", "v1/{location}/tuningJobs/1", None, 404, "not found",
    ),
    "a method of Google's that is not served is named": (
        "POST", "v1/{location}/pipelineJobs", {}, 501, "aiplatform.v1.PipelineService.CreatePipelineJob",
    ),
    "another one, with a verb": (
        "POST", "v1beta1/{location}/tuningJobs:rebaseTunedModel", {}, 501,
        "GenAiTuningService.RebaseTunedModel",
    ),
    "an evaluation, which nobody makes here": (
        "POST", "v1beta1/{location}/tuningJobs",
        {"baseModel": BASE, "outputUri": "gs://b-b/o", "supervisedTuningSpec": {
            "trainingDatasetUri": "gs://b-b/x", "tuningMode": "TUNING_MODE_FULL", "evaluationConfig": {}}},
        501, "evaluationConfig",
    ),
    "a distillation without a teacher": (
        "POST", "v1beta1/{location}/tuningJobs", {"distillationSpec": {}}, 400, "Teacher model",
    ),
    "tuning of a video model": (
        "POST", "v1beta1/{location}/tuningJobs", {"veoTuningSpec": {}}, 501, "veoTuningSpec",
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", BAD_CALLS)
def test_a_bad_call_is_refused(plain: Plain, reason: str) -> None:
    method, path, body, status, word = BAD_CALLS[reason]

    got, name, message = plain.refused(method, path.format(location=plain.location), body)

    assert (got, word in message) == (status, True), message
    assert name, "the code's name is there for clients that look at it"


def test_a_body_beyond_ten_megabytes_is_not_read(plain: Plain) -> None:
    response = plain.call(
        "POST", f"v1/{plain.location}/endpoints", {"displayName": "x", "description": "y" * 11_000_000}
    )

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"billing_enabled": False}, "BILLING_DISABLED"),
        ({"services": ["storage.googleapis.com"]}, "SERVICE_DISABLED"),
    ],
    ids=["nobody pays", "the API is off"],
)
def test_a_project_that_is_not_ready_is_told_what_is_missing(
    plain: Plain, setting: Json, reason: str
) -> None:
    plain.ok("PUT", f"emulator/projects/{plain.project}", setting)

    error = plain.call("GET", f"v1/{plain.location}/endpoints").json()["error"]

    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["details"][0]["reason"] == reason
