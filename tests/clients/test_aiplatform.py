"""google-cloud-aiplatform's high-level objects and its GAPIC clients over REST.

Over REST the clients' exceptions follow the HTTP status alone: 400 is BadRequest whatever the code's name.
"""

import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform, aiplatform_v1beta1
from google.protobuf import field_mask_pb2
from vertexai.preview import model_garden
from vertexai.preview.tuning import SourceModel, sft

from tests.support.emulator import RunningEmulator
from tests.support.google import rest
from tests.support.plain import BASE, REGION, Plain

MACHINE: dict[str, Any] = {
    "machine_type": "g2-standard-12",
    "accelerator_type": "NVIDIA_L4",
    "accelerator_count": 1,
}


def upload(plain: Plain, name: str) -> aiplatform.Model:
    model: aiplatform.Model = aiplatform.Model.upload(
        display_name=name, artifact_uri=plain.weights(), serving_container_image_uri="example/image:1"
    )
    return model


@pytest.mark.filterwarnings("ignore:This feature is deprecated:UserWarning")  # what the page documents is
def test_tuning_jobs_are_listed_cancelled_and_fetched(vertex: Plain) -> None:
    vertex.rows()
    job = sft.preview_train(
        source_model=SourceModel(base_model=BASE),
        tuning_mode="PEFT_ADAPTER",
        adapter_size=4,
        epochs=100,
        learning_rate=0.001,
        train_dataset=f"gs://{vertex.bucket}/train.jsonl",
        output_uri=f"gs://{vertex.bucket}/out",
        labels={"team": "blue"},
    )

    assert [item.resource_name for item in sft.SupervisedTuningJob.list()] == [job.resource_name]
    assert [item.resource_name for item in sft.SupervisedTuningJob.list(filter='labels.team="red"')] == []
    job.cancel()  # type: ignore[no-untyped-call]
    while not job.has_ended:
        time.sleep(0.1)
        job.refresh()
    assert job.state == aiplatform_v1beta1.JobState.JOB_STATE_CANCELLED
    again = sft.SupervisedTuningJob(job.resource_name)
    assert dict(again._gca_resource.labels) == {"team": "blue", "mg-source": "sdk"}


@pytest.mark.filterwarnings("ignore:This feature is deprecated:UserWarning")
def test_a_job_that_fails_says_why(emulator: RunningEmulator, vertex: Plain) -> None:
    vertex.rows()
    emulator.admin.fault(f"{vertex.project}.*tuningJobs", "job_failure", method="POST", message="no luck")
    job = sft.preview_train(
        source_model=SourceModel(base_model=BASE),
        tuning_mode="FULL",
        train_dataset=f"gs://{vertex.bucket}/train.jsonl",
        output_uri=f"gs://{vertex.bucket}/out",
    )

    while not job.has_ended:
        time.sleep(0.1)
        job.refresh()

    assert job.state == aiplatform_v1beta1.JobState.JOB_STATE_FAILED
    assert not job.has_succeeded
    assert job.error is not None
    assert job.error.message == "no luck"


def test_a_models_life_from_registry_to_endpoint_and_back(vertex: Plain) -> None:
    model = upload(vertex, "m")
    endpoint = aiplatform.Endpoint.create(display_name="e", labels={"team": "blue"})

    model.deploy(endpoint, traffic_percentage=100, **MACHINE)
    second = upload(vertex, "m2")
    second.deploy(endpoint, traffic_percentage=40, **MACHINE)

    ids = {item.display_name: item.id for item in endpoint.list_models()}
    assert endpoint.traffic_split == {ids["m"]: 60, ids["m2"]: 40}
    resources = endpoint.list_models()[0].dedicated_resources
    assert resources.machine_spec.machine_type == "g2-standard-12", (
        "the SDK drops it if the model does not allow it"
    )

    endpoint.update(traffic_split={ids["m"]: 0, ids["m2"]: 100})
    assert endpoint.traffic_split == {ids["m"]: 0, ids["m2"]: 100}
    endpoint.undeploy(ids["m"])
    with pytest.raises(exceptions.BadRequest, match="models are deployed"):
        endpoint.delete()
    endpoint.undeploy_all()
    endpoint.delete()
    model.delete()
    second.delete()
    assert aiplatform.Endpoint.list() == []
    assert aiplatform.Model.list() == []


@pytest.mark.filterwarnings("ignore:This feature is deprecated:UserWarning")
def test_a_tuned_model_is_deployed_asked_and_taken_down(vertex: Plain) -> None:
    vertex.rows()
    job = sft.preview_train(
        source_model=SourceModel(base_model=BASE),
        tuning_mode="FULL",
        epochs=1,
        train_dataset=f"gs://{vertex.bucket}/train.jsonl",
        output_uri=f"gs://{vertex.bucket}/out",
    )
    while not job.has_ended:
        time.sleep(0.1)
        job.refresh()
    assert job.has_succeeded, job.error
    assert job.tuned_model_name is not None
    model = aiplatform.Model(job.tuned_model_name)
    endpoint = aiplatform.Endpoint.create(display_name="e")
    model.deploy(endpoint, traffic_percentage=100, **MACHINE)
    question = {"prompt": "What is 3?", "max_tokens": 4, "temperature": 0, "raw_response": True}

    answer = endpoint.predict(instances=[question], parameters={"max_tokens": 2})

    assert answer.deployed_model_id == endpoint.list_models()[0].id
    assert answer.model_resource_name == model.resource_name
    assert len(answer.predictions) == 1
    endpoint.delete(force=True)
    model.delete()
    assert aiplatform.Endpoint.list() == []


def test_a_publishers_model_is_deployed_but_does_not_answer(vertex: Plain) -> None:
    endpoint = model_garden.OpenModel("google/gemma3@gemma-3-1b-it").deploy(
        accept_eula=True, dedicated_endpoint_disabled=True, **MACHINE
    )

    with pytest.raises(exceptions.GoogleAPICallError, match="gemma-3-1b-it") as refused:
        endpoint.predict(instances=[{"prompt": "x"}])

    assert refused.value.code == 501
    assert [item.resource_name for item in aiplatform.Endpoint.list()] == [endpoint.resource_name]
    endpoint.delete(force=True)
    assert aiplatform.Endpoint.list() == []


@pytest.mark.evidence("serving.dedicated-host-refuses-alt", side="service")
def test_a_dedicated_endpoint_is_asked_at_its_own_address(vertex: Plain) -> None:
    job = vertex.ended(vertex.tune())
    endpoint = aiplatform.Endpoint.create(display_name="e", dedicated_endpoint_enabled=True)
    model = aiplatform.Model(job["tunedModel"]["model"])
    model.deploy(endpoint, traffic_percentage=100, **MACHINE)
    question = {"prompt": "What is 3?", "max_tokens": 4, "temperature": 0, "raw_response": True}

    answer = endpoint.predict(instances=[question])
    raw = endpoint.predict(instances=[question], use_raw_predict=True)

    assert answer.predictions == raw.predictions
    assert answer.deployed_model_id == raw.deployed_model_id == endpoint.list_models()[0].id
    assert answer.model_resource_name == raw.model_resource_name == model.resource_name
    shared = rest(aiplatform_v1beta1.PredictionServiceClient, vertex.url)
    with pytest.raises(
        exceptions.BadRequest, match="Please access the endpoint using its dedicated dns name"
    ):
        shared.predict(endpoint=endpoint.resource_name, instances=[])


def test_endpoints_and_models_are_found_by_filter_and_order(vertex: Plain) -> None:
    for name in "bca":
        aiplatform.Endpoint.create(display_name=name, labels={"name": name})
        upload(vertex, name)

    assert [e.display_name for e in aiplatform.Endpoint.list(filter='display_name="c"')] == ["c"]
    assert [e.display_name for e in aiplatform.Endpoint.list(filter="labels.name=a")] == ["a"]
    assert [m.display_name for m in aiplatform.Model.list(order_by="display_name")] == ["a", "b", "c"]
    assert [m.display_name for m in aiplatform.Model.list(order_by="create_time desc")] == ["a", "c", "b"]


def test_model_versions_and_aliases(vertex: Plain) -> None:
    first = upload(vertex, "m")
    second = aiplatform.Model.upload(
        display_name="m",
        parent_model=first.resource_name,
        is_default_version=False,
        version_aliases=["candidate"],
        artifact_uri=vertex.weights(),
        serving_container_image_uri="example/image:1",
    )

    registry = aiplatform.models.ModelRegistry(first.resource_name)
    assert [version.version_id for version in registry.list_versions()] == ["2", "1"]
    registry.add_version_aliases(["default"], "2")
    assert aiplatform.Model(first.resource_name).version_id == "2"
    assert aiplatform.Model(f"{first.name}@1").version_id == "1"
    assert set(aiplatform.Model(second.resource_name).version_aliases) == {"candidate", "default"}
    registry.delete_version("1")
    assert [version.version_id for version in registry.list_versions()] == ["2"]


def test_model_garden_lists_what_fits_the_weights(vertex: Plain) -> None:
    options = model_garden.CustomModel(gcs_uri=vertex.weights()).list_deploy_options()

    assert 'machine_type="g2-standard-12"' in options


def test_gapic_polls_a_deployment_with_chosen_ids_and_reads_its_metadata(vertex: Plain) -> None:
    client = rest(aiplatform_v1beta1.ModelGardenServiceClient, vertex.url)
    request = aiplatform_v1beta1.DeployRequest(
        destination=f"projects/{vertex.project}/locations/{REGION}",
        custom_model={"gcs_uri": vertex.weights()},
        endpoint_config={"endpoint_user_id": "front", "dedicated_endpoint_disabled": True},
        model_config={"model_user_id": "weights"},
    )

    operation = client.deploy(request)
    answer = operation.result(timeout=30)

    assert answer.endpoint.endswith("/endpoints/front")
    assert isinstance(operation.metadata, aiplatform_v1beta1.DeployOperationMetadata)
    with pytest.raises(exceptions.Conflict):
        client.deploy(request)


def test_gapic_reads_errors_with_their_details(emulator: RunningEmulator, vertex: Plain) -> None:
    client = rest(aiplatform_v1beta1.EndpointServiceClient, vertex.url)
    parent = f"projects/{vertex.project}/locations/{REGION}"
    emulator.admin.project(vertex.project, billing_enabled=False)

    with pytest.raises(exceptions.Forbidden) as caught:
        client.list_endpoints(parent=parent)

    assert caught.value.reason == "BILLING_DISABLED"


def test_gapic_pages_through_lists(vertex: Plain) -> None:
    client = rest(aiplatform_v1beta1.EndpointServiceClient, vertex.url)
    parent = f"projects/{vertex.project}/locations/{REGION}"
    for number in range(5):
        client.create_endpoint(
            parent=parent, endpoint={"display_name": f"e{number}"}, endpoint_id=f"e{number}"
        )

    request = aiplatform_v1beta1.ListEndpointsRequest(parent=parent, page_size=2)
    found = [item.display_name for item in client.list_endpoints(request)]

    assert found == ["e4", "e3", "e2", "e1", "e0"]


def test_gapic_updates_with_a_mask_and_mutates_deployed_models(vertex: Plain) -> None:
    client = rest(aiplatform_v1beta1.EndpointServiceClient, vertex.url)
    name, model = vertex.endpoint(), vertex.model()
    deployed = vertex.deploy(name, model, {"0": 100})

    updated = client.update_endpoint(
        endpoint={"name": name, "display_name": "kept?", "labels": {"a": "b"}},
        update_mask=field_mask_pb2.FieldMask(paths=["labels"]),
    )
    mutated = client.mutate_deployed_model(
        endpoint=name,
        deployed_model={
            "id": deployed["id"],
            "dedicated_resources": {"min_replica_count": 1, "max_replica_count": 2},
        },
        update_mask=field_mask_pb2.FieldMask(paths=["dedicated_resources.max_replica_count"]),
    ).result(timeout=30)

    assert (updated.display_name, dict(updated.labels)) == ("e", {"a": "b"})
    assert mutated.deployed_model.dedicated_resources.max_replica_count == 2
    assert mutated.deployed_model.dedicated_resources.machine_spec.machine_type == "g2-standard-12"
