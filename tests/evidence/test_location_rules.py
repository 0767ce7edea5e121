"""What a preview says of base models, parameters and locations, before the real service refuses them."""

from typing import Any

import pytest
from pydantic import ValidationError

from vertex_tuning.problems import problems_of
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.vertex.connection import host_of

Json = dict[str, Any]
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
LLAMA, LONG = "meta/llama3_1@llama-3.1-8b", "publishers/meta/models/llama3_1@llama-3.1-8b"


def service(**changes: Any) -> Json:
    tuning = {
        "base_model": LLAMA,
        "mode": "PEFT_ADAPTER",
        "training_data": "a.jsonl",
        **changes.pop("tuning", {}),
    }
    return {
        "name": "tickets", "project": "a-project", "region": "us-central1", "output_uri": "gs://bucket/out",
        "tuning": tuning, **changes,
    }  # fmt: skip


REFUSED = [
    pytest.param(
        {"tuning": {"learning_rate_multiplier": 2.0}},
        "tuning.learning_rate_multiplier: is for Google's own models",
        id="the learning rate of Google's own models",
        marks=pytest.mark.evidence("jobs.no-multiplier", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"pre_tuned_model": "x"}},
        "tuning.pre_tuned_model: unknown key",
        id="a model that an earlier job tuned",
        marks=pytest.mark.evidence("jobs.no-pre-tuned-model", side="plugin"),
    ),
    pytest.param(
        {"output_uri": ""},
        "output_uri: '' is not of the form gs://BUCKET/PATH",
        id="nowhere to write to",
        marks=pytest.mark.evidence("jobs.output-uri", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"base_model": "google/gemma-3-4b-it"}},
        "tuning.base_model: 'google/gemma-3-4b-it' has no version, which Vertex AI refuses",
        id="no version",
        marks=pytest.mark.evidence("jobs.version-in-id", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"base_model": "qwen/qwen3@qwen3-4b"}},
        "tuning.mode: Qwen 3 4B cannot be tuned with PEFT_ADAPTER; it allows FULL",
        id="an adapter for a model that is tuned whole only",
        marks=pytest.mark.evidence("jobs.modes", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"adapter_size": 2}},
        "tuning.adapter_size: must be one of 1, 4, 8, 16, 32, not 2",
        id="a size of the type that is not offered",
        marks=pytest.mark.evidence("jobs.adapter-sizes", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"location": "europe-west1"}},
        "tuning.location: open models cannot be tuned in 'europe-west1'; they can in global, us-central1",
        id="a region where nothing is tuned",
        marks=pytest.mark.evidence("jobs.locations", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"location": "global", "kms_key": KEY}},
        "tuning.kms_key: Vertex AI takes no key for a tuning at global; set tuning.location",
        id="a key at global",
        marks=pytest.mark.evidence("jobs.global-without-cmek", side="plugin"),
    ),
    pytest.param(
        {"region": "europe-west1", "tuning": {"kms_key": KEY}},
        "tuning: europe-west1 tunes no open models, and Vertex AI takes no key for a tuning at global",
        id="a key where global is the default",
        marks=pytest.mark.evidence("jobs.global-without-cmek", side="plugin"),
    ),
    pytest.param(
        {"tuning": {"kms_key": KEY}, "serving": {"region": "europe-west1"}},
        "serving: tuning.kms_key encrypts the job in us-central1 and the endpoint in europe-west1",
        id="a key for two regions",
    ),
    pytest.param(
        {"serving": {"region": "global"}},
        "serving.region: 'global' is not a region that can serve models",
        id="served at global",
        marks=pytest.mark.evidence("serving.any-region", side="plugin"),
    ),
    pytest.param(
        {
            "adopt_endpoint": "projects/a-project/locations/us-central1/endpoints/1",
            "serving": {"region": "us-west1"},
        },
        "adopt_endpoint: is in the region 'us-central1', and the service in 'us-west1'",
        id="an endpoint elsewhere than it is served",
    ),
]


@pytest.mark.parametrize(("written", "line"), REFUSED)
def test_what_a_preview_refuses(written: Json, line: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServiceSpec.model_validate(service(**written))
    [found] = problems_of(refused.value, ServiceSpec)
    assert str(found).startswith(line)


@pytest.mark.evidence("jobs.long-ids", side="plugin")
def test_both_forms_of_an_id_are_one_tuning() -> None:
    specs = [ServiceSpec.model_validate(service(tuning={"base_model": form})) for form in (LLAMA, LONG)]
    assert specs[0] == specs[1], "so their fingerprints are equal too"


HOSTS = [("global", "aiplatform.googleapis.com"), ("us-east5", "us-east5-aiplatform.googleapis.com")]


@pytest.mark.parametrize(("location", "host"), HOSTS)
def test_global_has_the_host_without_a_region(location: str, host: str) -> None:
    assert host_of(location) == host
