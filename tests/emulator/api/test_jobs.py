"""Tuning jobs from submission to artifacts: they really train, and their states say what happens."""

import json
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain

Json = dict[str, Any]


@pytest.fixture(scope="module")
def tuned(emulator: RunningEmulator) -> tuple[Plain, Json]:
    """One job that succeeded, for all who only look at it."""
    emulator.admin.clear_faults()
    plain = Plain.of_test(emulator.url, __name__)
    emulator.admin.project(plain.project, l4_per_region=100)
    job = plain.ended(plain.tune(labels={"team": "blue"}, spec={"hyperParameters": {"epochCount": "2"}}))
    return plain, job


def test_a_job_ends_with_a_registered_model_and_its_weights_where_vertex_puts_them(
    tuned: tuple[Plain, Json],
) -> None:
    plain, job = tuned
    assert job["state"] == "JOB_STATE_SUCCEEDED", job

    model = plain.ok("GET", f"v1/{job['tunedModel']['model']}")
    final = f"gs://{plain.bucket}/out/postprocess/node-0/checkpoints/final"
    assert (model["artifactUri"], model["labels"]) == (final, {"team": "blue"})
    listed = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params={"prefix": "out/"})["items"]
    names = {item["name"].removeprefix("out/postprocess/node-0/") for item in listed}
    assert {"metrics.json", "checkpoints/final/config.json", "checkpoints/final/model.safetensors"} <= names


def test_a_job_counts_its_data_and_shows_a_checkpoint_for_each_epoch(tuned: tuple[Plain, Json]) -> None:
    plain, job = tuned
    stats = job["tuningDataStats"]["supervisedTuningDataStats"]
    rows = [json.loads(line) for line in plain.call(
        "GET", f"storage/v1/b/{plain.bucket}/o/train.jsonl?alt=media").text.splitlines()]  # fmt: skip

    assert stats["tuningDatasetExampleCount"] == str(len(rows))
    assert stats["totalTuningCharacterCount"] == str(
        sum(len(row["prompt"]) + len(row["completion"]) for row in rows)
    )
    assert [item["epoch"] for item in job["tunedModel"]["checkpoints"]] == ["1", "2"]
    assert job["createTime"] <= job["startTime"] <= job["endTime"]


def test_the_workers_own_report_is_on_the_emulators_surface(
    emulator: RunningEmulator, tuned: tuple[Plain, Json]
) -> None:
    progress = emulator.admin.progress(tuned[1]["name"])

    assert (progress["phase"], progress["epoch"], progress["epochs"]) == ("done", 2, 2)


def instance(**given: Any) -> Json:
    return {"prompt": "What is 3?", "max_tokens": 4, "temperature": 0, **given}


def test_predictions_come_from_the_tuned_weights_in_the_forms_of_vertexs_container(
    tuned: tuple[Plain, Json],
) -> None:
    plain, job = tuned
    endpoint, model = plain.endpoint(), job["tunedModel"]["model"]
    deployed = plain.deploy(endpoint, model, {"0": 100})
    chat = {"@requestFormat": "chatCompletions", "messages": [{"role": "user", "content": "What is 3?"}]}

    def predict(*instances: Json, **rest: Any) -> Json:
        return plain.ok("POST", f"v1/{endpoint}:predict", {"instances": list(instances), **rest})

    answer = predict(instance(raw_response=True), instance(), {**chat, "max_tokens": 4})
    raw, framed, completion = answer["predictions"]

    assert framed == f"Prompt:\nWhat is 3?\nOutput:\n{raw}"
    assert completion["choices"][0]["message"]["role"] == "assistant"
    assert completion["usage"]["completion_tokens"] <= 4
    assert (answer["deployedModelId"], answer["modelVersionId"]) == (deployed["id"], "1")
    assert answer["model"] == model.partition("@")[0]
    assert predict(instance(), parameters={"raw_response": True})["predictions"] == [raw]
    assert predict(instance(max_tokens=4.0, raw_response=True))["predictions"] == [raw], "as GAPIC sends it"
    direct = plain.ok(
        "POST", f"v1beta1/{endpoint}/chat/completions", {**chat, "max_tokens": 4, "temperature": 0}
    )
    assert direct["object"] == "chat.completion"


BAD_INSTANCES: dict[str, tuple[Any, str]] = {
    "no prompt": ({}, "prompt"),
    "a prompt that is no text": ({"prompt": 5}, "prompt"),
    "no object": ("What?", "object"),
    "a chat without messages": ({"@requestFormat": "chatCompletions"}, "messages"),
    "a temperature below nought": (instance(temperature=-1), "temperature"),
    "no tokens to answer with": (instance(max_tokens=0), "max_tokens"),
    "half a token": (instance(max_tokens=1.5), "max_tokens"),
}


@pytest.mark.parametrize("reason", BAD_INSTANCES)
def test_a_bad_instance_is_refused(tuned: tuple[Plain, Json], reason: str) -> None:
    given, word = BAD_INSTANCES[reason]
    plain, job = tuned
    endpoint = plain.endpoint()
    plain.deploy(endpoint, job["tunedModel"]["model"], {"0": 100})

    status, _, message = plain.refused("POST", f"v1/{endpoint}:predict", {"instances": [given]})

    assert (status, word in message) == (400, True), message


def test_traffic_goes_to_the_models_by_their_shares(tuned: tuple[Plain, Json]) -> None:
    plain, job = tuned
    endpoint, model = plain.endpoint(), job["tunedModel"]["model"]
    first = plain.deploy(endpoint, model, {"0": 100})["id"]
    second = plain.deploy(endpoint, model, {"0": 50, first: 50})["id"]
    ask = {"instances": [instance(max_tokens=1)]}

    answered = {plain.ok("POST", f"v1/{endpoint}:predict", ask)["deployedModelId"] for _ in range(40)}
    plain.ok("PATCH", f"v1/{endpoint}?updateMask=trafficSplit", {"trafficSplit": {first: 0, second: 100}})
    after = {plain.ok("POST", f"v1/{endpoint}:predict", ask)["deployedModelId"] for _ in range(10)}

    assert answered == {first, second}, "one in 2^39 runs sees one of them only"
    assert after == {second}


def test_weights_that_are_no_checkpoint_fail_when_they_are_first_asked(plain: Plain) -> None:
    endpoint = plain.endpoint()
    plain.deploy(endpoint, plain.model(), {"0": 100})

    status, name, message = plain.refused("POST", f"v1/{endpoint}:predict", {"instances": [instance()]})

    assert (status, name) == (400, "FAILED_PRECONDITION")
    assert "cannot be loaded" in message


@pytest.mark.parametrize("verb", ["predict", "rawPredict"])
def test_more_instances_than_fit_are_refused_and_none_is_left_out(plain: Plain, verb: str) -> None:
    body = {"instances": [instance()] * 65}

    status, _, message = plain.refused("POST", f"v1/{plain.endpoint()}:{verb}", body)

    assert (status, "65 instances" in message) == (400, True)


def test_an_endpoint_without_traffic_says_so(plain: Plain) -> None:
    endpoint = plain.endpoint()

    assert (
        plain.refused("POST", f"v1/{endpoint}:predict", {"instances": [instance()]})[1]
        == "FAILED_PRECONDITION"
    )


def test_a_publishers_model_lives_as_an_endpoint_but_its_weights_are_not_here(plain: Plain) -> None:
    name = "publishers/google/models/gemma3@gemma-3-1b-it"
    body = {"publisherModelName": name, "endpointConfig": {"dedicatedEndpointDisabled": True}}
    answer = plain.done(plain.vertex("POST", ":deploy", body))
    endpoint, model = answer["endpoint"], answer["model"]

    status, _, message = plain.refused("POST", f"v1/{endpoint}:predict", {"instances": [instance()]})

    assert (answer["publisherModel"], status) == (name, 501)
    assert name in message
    assert [item["name"] for item in plain.vertex("GET", "/endpoints")["endpoints"]] == [endpoint]
    (deployed,) = plain.ok("GET", f"v1/{endpoint}")["deployedModels"]
    assert deployed["model"] == model.partition("@")[0]
    source = plain.ok("GET", f"v1/{model}")["baseModelSource"]
    assert source == {"modelGardenSource": {"publicModelName": name}}
    plain.done(plain.ok("POST", f"v1/{endpoint}:undeployModel", {"deployedModelId": deployed["id"]}))
    plain.done(plain.ok("DELETE", f"v1/{endpoint}"))
    plain.done(plain.ok("DELETE", f"v1/{model}"))
    assert plain.vertex("GET", "/endpoints")["endpoints"] == []
    assert plain.vertex("GET", "/models")["models"] == []


def test_a_job_whose_rows_are_wrong_fails_with_the_workers_reason(plain: Plain) -> None:
    plain.put("train.jsonl", b'{"prompt": "no completion"}\n')

    job = plain.ended(plain.vertex("POST", "/tuningJobs", plain.job()))

    assert job["state"] == "JOB_STATE_FAILED"
    assert (job["error"]["code"], bool(job["error"]["message"])) == (3, True)
    assert "tunedModel" not in job


def test_a_job_trains_on_the_bytes_of_its_submission_though_they_are_gone_later(plain: Plain) -> None:
    job = plain.until(plain.tune(), "RUNNING")
    plain.ok("DELETE", f"storage/v1/b/{plain.bucket}/o/train.jsonl")

    assert plain.ended(job)["state"] == "JOB_STATE_SUCCEEDED"


@pytest.mark.parametrize("when", ["PENDING", "RUNNING"])
def test_a_job_can_be_cancelled(emulator: RunningEmulator, plain: Plain, when: str) -> None:
    job = plain.tune(spec={"hyperParameters": {"epochCount": "100"}})
    if when == "RUNNING":
        job = plain.until(job, "RUNNING")

    assert plain.ok("POST", f"v1beta1/{job['name']}:cancel", {}) == {}
    ended = plain.ended(job)

    assert ended["state"] == "JOB_STATE_CANCELLED"
    assert "tunedModel" not in ended or "model" not in ended["tunedModel"]
    assert plain.ok("POST", f"v1beta1/{job['name']}:cancel", {}) == {}, "cancelling twice is no error"
    assert plain.ok("GET", f"v1beta1/{job['name']}")["state"] == "JOB_STATE_CANCELLED"


def test_the_tuning_quota_is_one_for_all_regions_and_is_given_back(plain: Plain) -> None:
    job = plain.tune(spec={"hyperParameters": {"epochCount": "100"}})
    other = plain.location.replace("us-central1", "europe-west4")

    refused = plain.call("POST", f"v1beta1/{other}/tuningJobs", plain.job())
    error = refused.json()["error"]
    status, name, message = refused.status_code, error["status"], error["message"]
    plain.ok("POST", f"v1beta1/{job['name']}:cancel", {})
    plain.ended(job)

    assert (status, name) == (429, "RESOURCE_EXHAUSTED")
    assert "Global concurrent managed OSS model fine-tuning jobs per project" in message
    metadata = error["details"][0]["metadata"]
    assert metadata["consumer"] == f"projects/{job['name'].split('/')[1]}"
    assert metadata["quota_limit"] == "GlobalConcurrentManagedOssModelTuningJobs"
    assert metadata["quota_metric"].endswith("/global_concurrent_managed_oss_model_tuning_jobs")
    again = plain.vertex("POST", "/tuningJobs", plain.job())
    plain.ok("POST", f"v1beta1/{again['name']}:cancel", {})
    plain.ended(again)


def test_jobs_are_listed_by_label_and_state(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.fault(f"{plain.project}.*tuningJobs", "job_failure", method="POST", times=None)
    for team in ("red", "blue"):
        plain.ended(plain.tune(labels={"team": team}))

    query = {"filter": 'labels.team=blue AND state="JOB_STATE_FAILED"'}
    found = plain.ok("GET", f"v1beta1/{plain.location}/tuningJobs", params=query)["tuningJobs"]

    assert [job["labels"] for job in found] == [{"team": "blue"}]


def test_what_fits_tuned_weights_names_their_base_model(tuned: tuple[Plain, Json]) -> None:
    plain, job = tuned
    uri = plain.ok("GET", f"v1/{job['tunedModel']['model']}")["artifactUri"]

    assert plain.vertex("POST", ":recommendSpec", {"gcsUri": uri})["baseModel"] == job["baseModel"]


def test_a_lora_job_leaves_its_adapter_beside_the_merged_weights(plain: Plain) -> None:
    mode = {"tuningMode": "TUNING_MODE_PEFT_ADAPTER", "hyperParameters": {"adapterSize": "ADAPTER_SIZE_FOUR"}}

    job = plain.ended(plain.tune(spec=mode))

    assert job["state"] == "JOB_STATE_SUCCEEDED", job
    listed = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params={"prefix": "out/"})
    names = {item["name"].removeprefix("out/postprocess/node-0/checkpoints/") for item in listed["items"]}
    assert {"adapter/adapter_config.json", "final/config.json"} <= names
    config = plain.read("out%2Fpostprocess%2Fnode-0%2Fcheckpoints%2Fadapter%2Fadapter_config.json")
    assert config.json()["r"] == 4


def contents(*parts: Json) -> bytes:
    """Eight rows of GenerateContent."""
    answer = {"role": "assistant", "parts": [{"text": "A number."}]}
    row = {"contents": [{"role": "user", "parts": list(parts)}, answer]}
    return (json.dumps(row) + "\n").encode() * 8


@pytest.mark.evidence("data.generate-content", side="service")
def test_rows_of_generate_content_are_trained_on(plain: Plain) -> None:
    plain.put("train.jsonl", contents({"text": "What is "}, {"text": "seven?"}))
    job = plain.ended(plain.vertex("POST", "/tuningJobs", plain.job()))
    assert job["state"] == "JOB_STATE_SUCCEEDED", job
    stats = job["tuningDataStats"]["supervisedTuningDataStats"]
    assert (stats["tuningDatasetExampleCount"], stats["totalTuningCharacterCount"]) == ("8", "184")


@pytest.mark.evidence("data.images", "data.images-not-mixed", side="service")
@pytest.mark.parametrize(("text_rows", "line"), [(0, 1), (1, 9)], ids=["images alone", "text and images"])
def test_images_are_refused_in_plain_words(plain: Plain, text_rows: int, line: int) -> None:
    """Vertex AI trains on them; this service says that it does not, and never drops an example in silence."""
    image = {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a.png"}}
    rows = contents({"text": "What is it?"}) * text_rows + contents({"text": "What is it?"}, image)
    plain.put("train.jsonl", rows)
    job = plain.ended(plain.vertex("POST", "/tuningJobs", plain.job()))
    assert job["state"] == "JOB_STATE_FAILED"
    assert job["error"]["message"].endswith(
        f"line {line}: it has an image, and the embedded Vertex AI trains on text only"
    )


MODES = {"whole": "TUNING_MODE_FULL", "by an adapter": "TUNING_MODE_PEFT_ADAPTER"}


@pytest.mark.parametrize("mode", MODES)
def test_tuning_goes_on_from_an_earlier_tuned_model(plain: Plain, mode: str) -> None:
    """What the first has learned the second knows before its first step."""
    plain.put("held-out.jsonl", b'{"prompt": "What is 1?", "completion": "A number."}')
    spec = {"tuningMode": MODES[mode], "validationDatasetUri": f"gs://{plain.bucket}/held-out.jsonl"}
    first = plain.ended(plain.tune(spec={**spec, "hyperParameters": {"epochCount": "20"}}))
    weights = plain.ok("GET", f"v1/{first['tunedModel']['model']}")["artifactUri"]

    again = plain.job(customBaseModel=weights, outputUri=f"gs://{plain.bucket}/again", spec=spec)
    second = plain.ended(plain.vertex("POST", "/tuningJobs", again))

    assert second["state"] == "JOB_STATE_SUCCEEDED", second
    before, after = (metrics(plain, folder) for folder in ("out", "again"))
    assert after["base_validation_loss"] == pytest.approx(before["epochs"][-1]["validation_loss"], abs=1e-3)
    assert after["base_validation_loss"] < before["base_validation_loss"]


def metrics(plain: Plain, folder: str) -> Json:
    """What the training worker has measured, as it lies beside the weights."""
    path = f"storage/v1/b/{plain.bucket}/o/{folder}%2Fpostprocess%2Fnode-0%2Fmetrics.json?alt=media"
    found: Json = plain.call("GET", path).json()
    return found
