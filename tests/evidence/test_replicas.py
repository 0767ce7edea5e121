"""What becomes of requests to a deployment without replicas, of slow ones, and of examples that are too long."""

import json
from typing import Any

import pytest
import stamina

from tests.support.emulator import HTTP, RunningEmulator
from tests.support.plain import ONE_L4, Json, Plain
from vertex_tuning.catalog import TuningMode
from vertex_tuning.dataset import inspect
from vertex_tuning.fit import too_long
from vertex_tuning.specs import TuningSpec
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.errors import Unavailable

PROJECT = "p-replicas"
QUESTION = {"prompt": "What is 3?", "max_tokens": 2, "raw_response": True}
LONG = {"prompt": "What is 3?", "max_tokens": 400, "raw_response": True, "ignore_eos": False}
TO_ZERO = {
    **ONE_L4,
    "minReplicaCount": 0,
    "initialReplicaCount": 1,
    "scaleToZeroSpec": {"minScaleupPeriod": "600s", "idleScaledownPeriod": "300s"},
}


@pytest.fixture(scope="module")
def model(emulator: RunningEmulator) -> tuple[Plain, str]:
    """A tuned model."""
    plain = Plain(emulator.url, PROJECT)
    name: str = plain.ended(plain.tune())["tunedModel"]["model"]
    return plain, name


def deployed(plain: Plain, model: str, resources: Json, **endpoint: Any) -> str:
    name = plain.endpoint(**endpoint)
    body = {"deployedModel": {"model": model, "dedicatedResources": resources}, "trafficSplit": {"0": 100}}
    plain.done(plain.ok("POST", f"v1beta1/{name}:deployModel", body))
    return name


def replicas(plain: Plain, endpoint: str) -> int:
    [found] = plain.ok("GET", f"v1beta1/{endpoint}")["deployedModels"]
    return int(found["status"].get("availableReplicaCount", 0))


def ask(emulator: RunningEmulator, endpoint: str, question: Json) -> Any:
    return HTTP.post(f"{emulator.dedicated}/v1beta1/{endpoint}:predict", json={"instances": [question]})


@pytest.mark.evidence("serving.scaled-to-zero", "serving.woken-from-zero", side="service")
def test_replicas_go_without_traffic_and_come_with_a_request(
    emulator: RunningEmulator, model: tuple[Plain, str]
) -> None:
    plain, name = model
    endpoint = deployed(plain, name, TO_ZERO, dedicatedEndpointEnabled=True)
    emulator.admin.pass_time(590)
    assert replicas(plain, endpoint) == 1, "traffic is looked at only after the time that it stays up"
    assert ask(emulator, endpoint, QUESTION).status_code == 200
    emulator.admin.pass_time(290)
    assert replicas(plain, endpoint) == 1, "the last request is not long ago"
    emulator.admin.pass_time(20)
    assert replicas(plain, endpoint) == 0

    refused = ask(emulator, endpoint, QUESTION)
    assert refused.status_code == 429
    assert refused.json()["error"]["message"].startswith("Model is not yet ready for inference.")
    assert ask(emulator, endpoint, QUESTION).status_code == 200, "at this speed the replica is there at once"
    assert replicas(plain, endpoint) == 1


@pytest.mark.evidence("serving.scaled-to-zero", "serving.woken-from-zero", side="plugin")
def test_the_plugin_waits_for_a_replica(emulator: RunningEmulator, model: tuple[Plain, str]) -> None:
    plain, name = model
    endpoint = deployed(plain, name, TO_ZERO, dedicatedEndpointEnabled=True)
    emulator.admin.pass_time(601)
    assert replicas(plain, endpoint) == 0

    answer = connect(Connection(endpoint=plain.url)).serving.ask(endpoint, [QUESTION])

    assert len(answer.predictions) == 1


def test_one_with_a_minimum_never_goes(emulator: RunningEmulator, model: tuple[Plain, str]) -> None:
    plain, name = model
    endpoint = deployed(plain, name, ONE_L4, dedicatedEndpointEnabled=True)
    emulator.admin.pass_time(100_000)
    assert replicas(plain, endpoint) == 1
    assert ask(emulator, endpoint, QUESTION).status_code == 200


@pytest.mark.evidence("serving.request-time", side="service")
def test_a_slow_answer_is_cut_off_on_a_shared_endpoint(
    emulator: RunningEmulator, model: tuple[Plain, str]
) -> None:
    plain, name = model
    shared = deployed(plain, name, ONE_L4)
    own = deployed(plain, name, ONE_L4, dedicatedEndpointEnabled=True)
    path = f"v1beta1/{shared}:predict"
    plain.ok("POST", path, {"instances": [QUESTION]})
    emulator.admin.project(PROJECT, shared_seconds=0.001)
    try:
        found = plain.refused("POST", path, {"instances": [LONG]})
        answered = ask(emulator, own, LONG)
    finally:
        emulator.admin.project(PROJECT, shared_seconds=60)
    assert found == (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
    assert answered.status_code == 200, "an hour is left for it"


@pytest.mark.evidence("serving.request-time", side="plugin")
def test_the_plugin_names_the_limit_of_a_shared_endpoint(
    emulator: RunningEmulator, model: tuple[Plain, str]
) -> None:
    plain, name = model
    shared = deployed(plain, name, ONE_L4)
    emulator.admin.project(PROJECT, shared_seconds=0.001)
    try:
        with (
            stamina.set_testing(True),
            pytest.raises(Unavailable, match="ends a request after 60 s; ask for"),
        ):
            connect(Connection(endpoint=plain.url)).serving.ask(shared, [LONG])
    finally:
        emulator.admin.project(PROJECT, shared_seconds=60)


@pytest.mark.evidence("data.longest-sequence", side="service")
def test_examples_with_too_many_tokens_are_dropped(plain: Plain) -> None:
    rows = [{"prompt": f"{n}+1=", "completion": f" {n + 1}"} for n in range(8)]
    rows.insert(2, {"prompt": "a" * 40_000, "completion": " b"})
    plain.put("train.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    job = plain.ended(plain.vertex("POST", "/tuningJobs", plain.job()))

    stats = job["tuningDataStats"]["supervisedTuningDataStats"]
    assert job["state"] == "JOB_STATE_SUCCEEDED"
    assert (stats["tuningDatasetExampleCount"], stats["totalTruncatedExampleCount"]) == ("9", "1")
    assert stats["truncatedExampleIndices"] == ["3"]
    assert int(stats["totalBillableTokenCount"]) < 100, "they are not billed"
    read = connect(Connection(endpoint=plain.url)).jobs.get(job["name"])
    assert read is not None
    assert read.dropped == 1, "and the plugin reads how many there were"


def test_a_job_without_an_example_that_is_short_enough_fails(plain: Plain) -> None:
    plain.put("train.jsonl", json.dumps({"prompt": "a" * 40_000, "completion": " b"}).encode())
    job = plain.ended(plain.vertex("POST", "/tuningJobs", plain.job()))
    assert job["state"] == "JOB_STATE_FAILED"
    assert "every example has more tokens than the model takes" in job["error"]["message"]


@pytest.mark.evidence("data.longest-sequence", side="plugin")
def test_a_preview_warns_of_an_example_that_would_be_dropped(tmp_path: Any) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"prompt": "a" * 40_000, "completion": " b"}))
    tuning = TuningSpec(
        base_model="meta/llama3_1@llama-3.1-8b", mode=TuningMode.FULL, training_data=str(path), epochs=1
    )
    dataset = inspect(path).dataset
    assert dataset is not None
    [warning] = too_long(tuning, {str(path): dataset})
    assert "takes 8,192 in mode FULL and drops longer ones" in warning
