"""What a plan derives from a spec: which edits make another tuning, deployment or endpoint, and which do not."""

from typing import Any

import pytest

from vertex_tuning.dataset import Dataset, DatasetFormat
from vertex_tuning.names import label_of
from vertex_tuning.plan import Place, ServicePlan, plan
from vertex_tuning.specs import ServiceSpec

PLACE = Place("vertex-tuning", "search-dev")


def dataset(path: str = "a.jsonl", sha256: str = "1" * 64) -> Dataset:
    return Dataset(
        path=path,
        format=DatasetFormat.PROMPT_COMPLETION,
        examples=10,
        characters=400,
        estimated_tokens=100,
        completion_tokens_estimate=10,
        longest_example_tokens=20,
        size=500,
        sha256=sha256,
        crc32c="AAAAAA==",
    )


def spec(tuning: dict[str, Any] | None = None, **changes: Any) -> ServiceSpec:
    return ServiceSpec.model_validate(
        {
            "name": "tickets",
            "project": "acme-dev",
            "region": "us-central1",
            "output_uri": "gs://bucket/models",
            "tuning": {
                "base_model": "meta/llama3_1@llama-3.1-8b",
                "mode": "PEFT_ADAPTER",
                "training_data": "a.jsonl",
                **(tuning or {}),
            },
            **changes,
        }
    )


def planned(changed: ServiceSpec | None = None, data: Dataset | None = None) -> ServicePlan:
    given = changed or spec()
    found = data or dataset()
    return plan(given, PLACE, {found.path: found})


def fingerprint(changed: ServicePlan) -> str:
    assert changed.tuning is not None
    return changed.tuning.fingerprint


ANOTHER_TUNING = [
    (spec({"epochs": 4}), "more epochs make other weights"),
    (spec({"learning_rate": 1e-4}), "so does another rate"),
    (spec({"adapter_size": 8}), "and another rank"),
    (spec({"batch_size": 4}), "and another batch size"),
    (spec({"mode": "FULL"}), "all weights instead of an adapter"),
    (spec({"base_model": "meta/llama3_1@llama-3.1-8b-instruct"}), "another start"),
    (spec({"custom_base_model": "gs://bucket/earlier"}), "another start"),
    (spec({"attempt": 2}), "the user said: once more"),
    (spec({"training_data": "gs://bucket/a.jsonl"}), "another source cannot be known to be the same"),
    (spec({"training_data": "gs://bucket/a.jsonl#1"}), "a pinned generation"),
]

SAME_TUNING = [
    (spec(labels={"a": "b"}), "labels do not change weights"),
    (spec({"display_name": "other"}), "nor do names"),
    (spec({"service_account": "me@acme-dev.iam.gserviceaccount.com"}), "nor who trains"),
    (spec({"epochs": 3}), "3 is the default"),
    (spec(region="europe-west4"), "nor where"),
    (spec(project="other-project"), "nor for whom"),
    (spec(output_uri="gs://other/models"), "nor where the result goes"),
    (spec(wait=False), "nor how long one waits"),
    (spec(serving={"min_replicas": 1, "max_replicas": 2}), "nor where it is served"),
]


@pytest.mark.parametrize(("changed", "why"), ANOTHER_TUNING, ids=[why for _, why in ANOTHER_TUNING])
def test_another_tuning(changed: ServiceSpec, why: str) -> None:
    assert fingerprint(planned(changed)) != fingerprint(planned()), why


@pytest.mark.parametrize(("changed", "why"), SAME_TUNING, ids=[why for _, why in SAME_TUNING])
def test_the_same_tuning(changed: ServiceSpec, why: str) -> None:
    assert fingerprint(planned(changed)) == fingerprint(planned()), why


def test_bytes_count_and_names_do_not() -> None:
    renamed = planned(spec({"training_data": "b.jsonl"}), dataset("b.jsonl"))
    assert fingerprint(renamed) == fingerprint(planned())
    edited = planned(data=dataset(sha256="2" * 64))
    assert fingerprint(edited) != fingerprint(planned())


def test_the_fingerprint_is_the_same_on_every_run_and_in_every_version() -> None:
    assert fingerprint(planned()) == "e7f0aa40eb9060e5ce68d0c9fdd3c7bf05f75c76", (
        "users' states hold it: a change would tune everything again"
    )


ANOTHER_DEPLOYMENT = [
    (spec({"epochs": 4}), "other weights"),
    (
        spec(
            serving={
                "machine_type": "g2-standard-24",
                "accelerator_type": "NVIDIA_L4",
                "accelerator_count": 2,
            }
        ),
        "another machine",
    ),
    (spec(serving={"spot": True}), "another kind of capacity"),
    (spec(serving={"container": {"image_uri": "gcr.io/x/y"}}), "another server"),
]

SAME_DEPLOYMENT = [
    (spec(serving={"max_replicas": 4}), "replicas change in place"),
    (spec(serving={"autoscaling_target": 50}), "so does the target"),
    (spec(labels={"a": "b"}), "labels are the endpoint's"),
    (spec(serving={"rollout": "recreate"}), "says how the next change happens"),
]


def model_id(changed: ServicePlan) -> str:
    return str(changed.declared["deployed"]["model_id"])


@pytest.mark.parametrize(("changed", "why"), ANOTHER_DEPLOYMENT, ids=[why for _, why in ANOTHER_DEPLOYMENT])
def test_another_deployment(changed: ServiceSpec, why: str) -> None:
    assert model_id(planned(changed)) != model_id(planned()), why
    assert planned(changed).endpoint_name == planned().endpoint_name, "the endpoint outlives the model"


@pytest.mark.parametrize(("changed", "why"), SAME_DEPLOYMENT, ids=[why for _, why in SAME_DEPLOYMENT])
def test_the_same_deployment(changed: ServiceSpec, why: str) -> None:
    assert model_id(planned(changed)) == model_id(planned()), why


def test_stacks_do_not_share_endpoints() -> None:
    elsewhere = plan(spec(), Place("vertex-tuning", "search-prod"), {"a.jsonl": dataset()})
    assert elsewhere.endpoint_name != planned().endpoint_name
    assert fingerprint(elsewhere) == fingerprint(planned()), "but they may share weights"


def test_every_tuning_has_a_folder_of_its_own() -> None:
    assert planned().tuning is not None
    first, second = planned().tuning, planned(spec({"epochs": 4})).tuning
    assert first is not None
    assert second is not None
    assert first.job_output_uri != second.job_output_uri, "a roll-back needs the earlier weights"


def test_without_serving_nothing_bills_by_the_hour() -> None:
    kept = planned(spec(serve=False))
    assert list(kept.parts) == ["readiness", "training-data", "job", "model"]


def test_the_amount_that_is_billed_is_tokens_times_epochs() -> None:
    job = planned(spec({"epochs": 4})).declared["job"]
    assert job["billed_tokens"] == 4 * 127, "400 characters at the 0.317 tokens that were measured"


@pytest.mark.parametrize(
    "owner", ["a/b/c", "Project/Stack.With.Dots/service", "p/" + "s" * 100 + "/n", "ü/ö/ä"]
)
def test_an_owner_fits_a_label(owner: str) -> None:
    label = label_of(owner)
    assert len(label) <= 63
    assert label.replace("-", "").replace("_", "").isalnum()
    assert label == label.lower()
    assert label_of(owner + "x") != label, "cut names stay apart"


@pytest.mark.parametrize("former", ["tickets", ["tickets", "requests"]], ids=["once", "twice"])
def test_a_renamed_service_keeps_what_it_made(former: Any) -> None:
    before, after = planned(), planned(spec(name="inbox", renamed_from=former))
    assert after.owner == before.owner
    assert after.endpoint_name == before.endpoint_name
    for part in ("job", "model", "endpoint", "deployed", "readiness"):
        old, new = before.declared[part], after.declared[part]
        differing = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        assert differing <= {"service", "display_name", "endpoint_display_name"}, part
