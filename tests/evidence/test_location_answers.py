"""What the embedded service says of base models, parameters and locations, as the real one does."""

from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import BASE, Plain

Json = dict[str, Any]
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
PEFT = {"tuningMode": "TUNING_MODE_PEFT_ADAPTER"}


def jobs_at(plain: Plain, location: str) -> str:
    return f"v1beta1/projects/{plain.project}/locations/{location}/tuningJobs"


REFUSED = [
    pytest.param(
        {"spec": {"hyperParameters": {"learningRateMultiplier": 2.0}}},
        "learning_rate_multiplier",
        id="the learning rate of Google's own models",
        marks=pytest.mark.evidence("jobs.no-multiplier", side="service"),
    ),
    pytest.param(
        {"baseModel": None, "preTunedModel": {"tunedModelName": "x"}},
        "pre_tuned_model",
        id="a model that an earlier job tuned",
        marks=pytest.mark.evidence("jobs.no-pre-tuned-model", side="service"),
    ),
    pytest.param(
        {"outputUri": None},
        "The output_uri field is required for this model.",
        id="nowhere to write to",
        marks=pytest.mark.evidence("jobs.output-uri", side="service"),
    ),
    pytest.param(
        {"baseModel": "google/gemma3"},
        "Invalid open source publisher model resource name",
        id="no version",
        marks=pytest.mark.evidence("jobs.version-in-id", side="service"),
    ),
    pytest.param(
        {"baseModel": "qwen/qwen3@qwen3-4b", "spec": PEFT},
        "Tuning mode TUNING_MODE_PEFT_ADAPTER is not supported",
        id="an adapter for a model that is tuned whole only",
        marks=pytest.mark.evidence("jobs.modes", side="service"),
    ),
    pytest.param(
        {"spec": {**PEFT, "hyperParameters": {"adapterSize": "ADAPTER_SIZE_TWO"}}},
        "adapter_size",
        id="a size of the type that is not offered",
        marks=pytest.mark.evidence("jobs.adapter-sizes", side="service"),
    ),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_a_job_that_is_refused(plain: Plain, changes: Json, words: str) -> None:
    plain.rows()
    status, code, message = plain.refused("POST", jobs_at(plain, "us-central1"), plain.job(**changes))
    assert (status, code) == (400, "INVALID_ARGUMENT")
    assert words in message


LOCATIONS = [
    "global",
    "us-central1",
    "europe-west4",
    "us-west1",
    "us-east5",
    "asia-southeast1",
    "asia-southeast2",
]


@pytest.mark.evidence("jobs.locations", side="service")
@pytest.mark.parametrize("location", [*LOCATIONS, "europe-west1"])
def test_where_open_models_are_tuned(plain: Plain, location: str) -> None:
    plain.rows()
    answer = plain.call("POST", jobs_at(plain, location), plain.job())
    assert answer.status_code == (200 if location in LOCATIONS else 400), answer.text
    if answer.is_success:
        plain.ok("POST", f"v1beta1/{answer.json()['name']}:cancel", {})


@pytest.mark.evidence("jobs.global-makes-a-regional-job", side="service")
@pytest.mark.evidence("jobs.long-ids", side="service")
def test_a_job_at_global_has_a_regional_job_and_counts_once(plain: Plain) -> None:
    plain.rows()
    job = plain.ok("POST", jobs_at(plain, "global"), plain.job(labels={"a": "b"}))
    assert "/locations/global/tuningJobs/" in job["name"]
    assert job["baseModel"] == "publishers/meta/models/llama3_1@llama-3.1-8b", "it comes back in either form"
    [regional] = plain.ok("GET", jobs_at(plain, "us-central1"))["tuningJobs"]
    assert (regional["labels"], regional["outputUri"]) == ({"a": "b"}, job["outputUri"])
    assert regional["name"] != job["name"]
    assert plain.ok("GET", f"v1beta1/{regional['name']}")["name"] == regional["name"]
    assert plain.refused("POST", jobs_at(plain, "us-west1"), plain.job())[0] == 429, "one job at once"

    ended = plain.ended(job)
    assert ended["state"] == "JOB_STATE_SUCCEEDED", ended
    assert "/locations/us-central1/models/" in ended["tunedModel"]["model"], "made where the job ran"
    assert plain.ok("GET", f"v1beta1/{regional['name']}")["state"] == "JOB_STATE_SUCCEEDED"
    assert plain.ok("POST", jobs_at(plain, "us-west1"), plain.job()), "and the quota is free again"


def test_a_job_at_global_is_cancelled_by_either_name(plain: Plain) -> None:
    plain.rows()
    job = plain.ok(
        "POST", jobs_at(plain, "global"), plain.job(spec={"hyperParameters": {"epochCount": "100"}})
    )
    [regional] = plain.ok("GET", jobs_at(plain, "us-central1"))["tuningJobs"]
    plain.ok("POST", f"v1beta1/{regional['name']}:cancel", {})
    assert plain.until(job, "CANCELLED")["name"] == job["name"]


@pytest.mark.evidence("jobs.global-without-cmek", side="service")
def test_a_key_is_refused_at_global(plain: Plain) -> None:
    plain.rows()
    body = plain.job(encryptionSpec={"kmsKeyName": KEY})
    assert plain.refused("POST", jobs_at(plain, "global"), body)[:2] == (400, "FAILED_PRECONDITION")


@pytest.mark.evidence("jobs.global-not-onboarded", side="service")
def test_a_model_that_is_tuned_in_regions_only(plain: Plain, emulator: RunningEmulator) -> None:
    emulator.admin.project(plain.project, not_at_global=[BASE])
    plain.rows()
    assert plain.refused("POST", jobs_at(plain, "global"), plain.job())[:2] == (400, "FAILED_PRECONDITION")
    assert plain.ok("POST", jobs_at(plain, "us-central1"), plain.job())


@pytest.mark.evidence("serving.any-region", side="service")
@pytest.mark.parametrize(("location", "status"), [("europe-west1", 200), ("global", 400)])
def test_models_are_served_in_regions_where_nothing_is_tuned(
    plain: Plain, location: str, status: int
) -> None:
    path = f"v1beta1/projects/{plain.project}/locations/{location}/endpoints"
    assert plain.call("POST", path, {"displayName": "e"}).status_code == status
