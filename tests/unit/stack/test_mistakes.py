"""Every mistake that a stack file can hold is refused with its place, all of them at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack_values import problems, service, stack

G2 = {"machine_type": "g2-standard-12", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}

TUNING = [
    # (what is written, where it is wrong, what is said, why it is refused)
    (
        {"base_model": "meta/llama3_1@llama-3.1-8B"},
        "base_model",
        "llama-3.1-8b",
        "a typing error: those where they can be are told",
    ),
    (
        {"base_model": "Llama 3.1 8B"},
        "base_model",
        "unknown base model",
        "labels are shifted against ids: ids count",
    ),
    ({"base_model": "meta/llama3-2@llama-3.2-1b-instruct"}, "mode", "it allows FULL", "1B allows no adapter"),
    ({"mode": "LORA"}, "mode", "'FULL' or 'PEFT_ADAPTER'", "a closed set"),
    ({"epochs": 0}, "epochs", "at least 1", "nothing would be trained and something billed"),
    ({"epochs": 1.5}, "epochs", "whole number", "Vertex AI counts whole epochs"),
    ({"epochs": "3"}, "epochs", "whole number, not '3'", "text is not silently turned into a number"),
    (
        {"learning_rate_multiplier": 2.0},
        "learning_rate_multiplier",
        "is for Google's own models",
        "Vertex AI answers 400 for open models",
    ),
    (
        {"base_model": "google/gemma5@gemma-5-4b-it"},
        "base_model",
        "base_model_unlisted: true accepts a newer one",
        "the list grows every few months",
    ),
    (
        {"base_model": "google/gemma-3-4b-it"},
        "base_model",
        "has no version, which Vertex AI refuses",
        "the most common cause of a refusal",
    ),
    (
        {"base_model": "gemma-5-4b-it", "base_model_unlisted": True},
        "base_model",
        "must be a base model's id, PUBLISHER/MODEL@VERSION",
        "an unlisted id has the form of the others",
    ),
    ({"learning_rate": 0}, "learning_rate", "greater than 0", "nothing would be learned"),
    ({"adapter_size": 2}, "adapter_size", "1, 4, 8, 16, 32", "a closed set"),
    ({"mode": "FULL", "adapter_size": 8}, "mode", "adapter_size needs PEFT_ADAPTER", "there is no adapter"),
    (
        {"custom_base_model": "s3://x/y"},
        "custom_base_model",
        "gs://BUCKET/PATH",
        "only Cloud Storage is read",
    ),
    ({"custom_base_model": "gs://b-b-b/../c"}, "custom_base_model", "'..' part", "no way out of a folder"),
    ({"training_data": "gs://bucket"}, "training_data", "not an object", "a bucket holds no examples"),
    ({"training_data": "GS://bucket/x"}, "training_data", "gs://BUCKET/PATH", "no path on this machine"),
    *(
        (
            {"training_data": place},
            "training_data",
            f"{place!r} is neither a local file nor an object in Cloud Storage. Copy the data into",
            "the tuning service reads Cloud Storage only",
        )
        for place in ("https://example.com/x.jsonl", "s3://b/x.jsonl", "hf:org/data", "file:///x.jsonl")
    ),
    ({"training_data": "gs:/bucket/x"}, "training_data", "gs://BUCKET/PATH", "a typing error"),
    (
        {"base_model": "qwen3-4b"},
        "base_model",
        "did you mean qwen/qwen3@qwen3-4b",
        "the part that people say",
    ),
    ({"epoch": 3}, "epoch", "did you mean epochs", "an unknown key is never ignored"),
]

SERVICE = [
    ({"region": "us-centrl1"}, "region", "us-central1", "a typing error: those where they can be are told"),
    ({"output_uri": "gs:/bucket"}, "output_uri", "gs://BUCKET/PATH", "a typing error"),
    ({"name": "One!"}, "name", "must be at most 40 lower-case letters", "it becomes part of ids"),
    (
        {"project": "P"},
        "project",
        "must be a project id: 6 to 30 lower-case letters",
        "no such project can be",
    ),
    (
        {"serving": {**G2, "accelerator_count": 2}},
        "serving.accelerator_count",
        "carries 1 x NVIDIA_L4, not 2",
        "no such machine",
    ),
    (
        {"serving": {**G2, "accelerator_type": "NVIDIA_H100_80GB"}},
        "serving.accelerator_type",
        "carries 1 x NVIDIA_L4, not NVIDIA_H100_80GB",
        "no such machine",
    ),
    (
        {"serving": {key: value for key, value in G2.items() if key != "accelerator_count"}},
        "serving.accelerator_count",
        "is missing; machine_type, accelerator_type and accelerator_count are set together or not at all",
        "a half of a machine is a guess",
    ),
    (
        {"serving": {"reservation": "foo"}},
        "serving.reservation",
        "projects/PROJECT/zones/ZONE/reservations/RESERVATION",
        "Vertex AI wants the full name",
    ),
    (
        {"serving": {"private_service_connect": []}},
        "serving.private_service_connect",
        "must not be empty",
        "an endpoint that nobody can reach",
    ),
    (
        {"serving": {"service_account": "me"}},
        "serving.service_account",
        "must be a service account's address",
        "an account is told by its address",
    ),
    (
        {"serving": {"min_replicas": 3, "max_replicas": 2}},
        "serving.max_replicas",
        "above max_replicas",
        "they contradict",
    ),
    (
        {"serving": {"min_replicas": 0}},
        "serving.scale_to_zero",
        "needs scale_to_zero",
        "nothing would wake it",
    ),
    ({"serve": "no"}, "serve", "true or false", "text is not silently turned into a choice"),
    ({"labels": {"Team": "x"}}, "labels.Team", "must be a label's key", "Google's rule for labels"),
    ({"labels": {"team": "X"}}, "labels.team", "must be a label's value", "Google's rule for labels"),
    (
        {"labels": {"vertex-tuning-owner": "x"}},
        "labels.vertex-tuning-owner",
        "are set by this program",
        "it would be overwritten, and no `up` would find nothing to change",
    ),
    ({"renamed_from": "Old!"}, "renamed_from", "must be at most 40", "it is, or was, a service's name"),
    ({"renamed_from": "one"}, "renamed_from", "remove renamed_from", "it has the name already"),
    ({"renamed_from": ["a1", "a1"]}, "renamed_from", "twice", "each name was had once"),
    (
        {"adopt_endpoint": "projects/other-project/locations/us-central1/endpoints/1"},
        "adopt_endpoint",
        "project 'other-project'",
        "the service's own project is where it serves",
    ),
    (
        {"adopt_endpoint": "projects/test-project/locations/us-west1/endpoints/1"},
        "adopt_endpoint",
        "region 'us-west1'",
        "and its region",
    ),
    (
        {"adopt_endpoint": "projects/test-project/locations/us-central1/endpoints/1", "serve": False},
        "adopt_endpoint",
        "needs serve",
        "an endpoint to serve nothing on",
    ),
    (
        {
            "adopt_endpoint": "projects/test-project/locations/us-central1/endpoints/1",
            "serving": {"endpoint_display_name": "ours"},
        },
        "adopt_endpoint",
        "does not apply to an adopted endpoint",
        "its name is not ours to give",
    ),
    ({"tunning": {}}, "tunning", "did you mean tuning", "an unknown key is never ignored"),
    ({"artifacts_uri": "gs://bucket/x"}, "from_stack", "set one of tuning", "two sources of weights"),
    (
        {"serving": {"evaluation": {"threshold": 1}}},
        "serving.evaluation.command",
        "give one of prompts and command",
        "nothing to measure by",
    ),
    (
        {"serving": {"evaluation": {"threshold": 2, "command": ["x"]}}},
        "serving.evaluation.threshold",
        "1",
        "a score is at most 1",
    ),
    (
        {"serving": {"evaluation": {"threshold": 1, "prompts": "gs://b/prompts.jsonl"}}},
        "serving.evaluation.prompts",
        "'gs://b/prompts.jsonl' is no local file; copy it into the repository",
        "prompts are read where Pulumi runs",
    ),
    (
        {"serving": {"evaluation": {"threshold": 1, "prompts": "no/such.jsonl"}}},
        "serving.evaluation.prompts",
        "No such file",
        "prompts are read in preview",
    ),
    (
        {"serving": {"rollout": "recreate", "canary": {"steps": [10]}}},
        "serving.canary",
        "needs rollout: side_by_side",
        "nobody to share the traffic with",
    ),
    (
        {"serving": {"canary": {"steps": [50, 10]}}},
        "serving.canary.steps",
        "must rise",
        "a canary goes forward",
    ),
    (
        {"serving": {"canary": {"steps": [10], "wait": "soon"}}},
        "serving.canary.wait",
        "must be a whole number and s, m, h or d",
        "a wait is a number and a unit",
    ),
    (
        {"from_stack": {"stack": "staging", "service": "ab"}},
        "from_stack.stack",
        "ORGANIZATION/PROJECT/STACK",
        "a full name",
    ),
]

DATA = [
    ("missing.jsonl", "there is no file", "the file is not there"),
    ("empty.jsonl", "empty", "nothing to learn from"),
    ("mixed.jsonl", "line 2", "one format a file"),
    ("broken.jsonl", "line 2", "bad JSON is found by its line"),
    ("role.jsonl", "robot", "a closed set of roles"),
    ("unanswered.jsonl", "assistant", "a chat ends with what is to be learned"),
    ("number.jsonl", "prompt", "a wrong type"),
    ("latin1.jsonl", "UTF-8", "another encoding"),
    ("pointer.jsonl", "Git LFS", "a pointer instead of the file"),
]


@pytest.mark.parametrize(("written", "where", "said", "why"), TUNING, ids=[case[1] for case in TUNING])
def test_tuning_mistakes(data: Path, written: dict[str, Any], where: str, said: str, why: str) -> None:
    [found] = problems(stack(data, service(data, tuning=written)))
    assert found.startswith(f"services[0].tuning.{where}: "), why
    assert said in found, why


@pytest.mark.parametrize(("written", "where", "said", "why"), SERVICE, ids=[case[1] for case in SERVICE])
def test_service_mistakes(data: Path, written: dict[str, Any], where: str, said: str, why: str) -> None:
    [found] = problems(stack(data, {**service(data), **written}))
    assert found.startswith(f"services[0].{where}"), why
    assert said in found, why


@pytest.mark.parametrize(("file", "said", "why"), DATA, ids=[case[0] for case in DATA])
@pytest.mark.parametrize("key", ["training_data", "validation_data"])
def test_data_mistakes(data: Path, key: str, file: str, said: str, why: str) -> None:
    [found] = problems(stack(data, service(data, tuning={key: str(data / file)})))
    assert found.startswith(f"services[0].tuning.{key}: {data / file}: "), why
    assert said in found, why


def test_all_mistakes_of_all_services_are_told_at_once(data: Path) -> None:
    wrong = [service(data, name=f"s{n}", tuning=written) for n, (written, *_) in enumerate(TUNING)]
    found = problems(stack(data, *wrong, service(data, "broken.jsonl", "bad-data"), zone="x"))
    assert len(found) == len(TUNING) + 2
    assert {line.split(":")[0] for line in found} >= {
        f"services[{n}].tuning.{t[1]}" for n, t in enumerate(TUNING)
    }


def test_the_examples_of_mistakes_are_plain_json() -> None:
    assert json.dumps([case[0] for case in [*TUNING, *SERVICE]]), "a stack file could say every one of them"
