"""What we ask for as Google's types write it, field by field; what is left out stays out of the request."""

import json
from typing import Any

import msgspec
import pytest
from google.cloud.aiplatform_v1beta1 import types as wire
from google.protobuf.json_format import MessageToDict

from vertex_tuning.catalog import ADAPTER_SIZES, TuningMode
from vertex_tuning.specs import Container
from vertex_tuning.vertex.client import ContainerSpec, JobRequest, MachineRequest
from vertex_tuning.vertex.errors import InvalidRequest
from vertex_tuning.vertex.serving_wire import container_to_wire, container_view, machine_to_wire, recommended
from vertex_tuning.vertex.tuning_jobs import to_wire

Json = dict[str, Any]

JOB = JobRequest(
    display_name="tickets",
    base_model="meta/llama3_1@llama-3.1-8b",
    mode=TuningMode.PEFT_ADAPTER,
    training_uri="gs://b/train.jsonl",
    output_uri="gs://b/out",
    epochs=3,
    labels={"a": "b"},
)
JOB_JSON: Json = {
    "baseModel": "meta/llama3_1@llama-3.1-8b",
    "tunedModelDisplayName": "tickets",
    "outputUri": "gs://b/out",
    "labels": {"a": "b"},
    "supervisedTuningSpec": {
        "trainingDatasetUri": "gs://b/train.jsonl",
        "tuningMode": "TUNING_MODE_PEFT_ADAPTER",
        "hyperParameters": {"epochCount": "3"},
    },
}
SIZES = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"

JOBS: dict[str, tuple[Json, Json, Json, Json]] = {
    # what is asked: changes, and what they add to the job, its spec, its hyper-parameters
    "what must be given": ({}, {}, {}, {}),
    "all weights": ({"mode": TuningMode.FULL}, {}, {"tuningMode": "TUNING_MODE_FULL"}, {}),
    "a learning rate": ({"learning_rate": 0.25}, {}, {}, {"learningRate": 0.25}),
    "a batch size": ({"batch_size": 16}, {}, {}, {"batchSize": "16"}),
    **{
        f"adapter size {size}": ({"adapter_size": size}, {}, {}, {"adapterSize": f"ADAPTER_SIZE_{word}"})
        for size, word in SIZES.items()
    },
    "validation data": ({"validation_uri": "gs://b/v"}, {}, {"validationDatasetUri": "gs://b/v"}, {}),
    "weights of one's own": ({"custom_base_model": "gs://b/w"}, {"customBaseModel": "gs://b/w"}, {}, {}),
    "an account": ({"service_account": "a@p"}, {"serviceAccount": "a@p"}, {}, {}),
    "a key": ({"kms_key": KEY}, {"encryptionSpec": {"kmsKeyName": KEY}}, {}, {}),
}


@pytest.mark.parametrize("case", JOBS)
def test_a_tuning_job(case: str) -> None:
    changes, job, spec, parameters = JOBS[case]
    sent = to_wire(msgspec.structs.replace(JOB, **changes))
    wanted = JOB_JSON["supervisedTuningSpec"]
    assert MessageToDict(wire.TuningJob.pb(sent)) == {
        **JOB_JSON,
        **job,
        "supervisedTuningSpec": {
            **wanted,
            **spec,
            "hyperParameters": {**wanted["hyperParameters"], **parameters},
        },
    }


def test_every_adapter_size_of_the_catalogue_is_known() -> None:
    assert set(SIZES) >= set(ADAPTER_SIZES)


L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=2,
)
L4_JSON: Json = {
    "machineSpec": {"machineType": "g2-standard-12", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1},
    "minReplicaCount": 1,
    "maxReplicaCount": 2,
}
DUTY = "aiplatform.googleapis.com/prediction/online/accelerator/duty_cycle"
RESERVATION = {
    "reservationAffinityType": "SPECIFIC_RESERVATION",
    "key": "compute.googleapis.com/reservation-name",
    "values": ["projects/p/zones/z/reservations/r"],
}
MACHINES: dict[str, tuple[Json, Json]] = {
    "what must be given": ({}, {}),
    "spot": ({"spot": True}, {"spot": True}),
    "a target": (
        {"autoscaling_target": 70},
        {"autoscalingMetricSpecs": [{"metricName": DUTY, "target": 70}]},
    ),
    "to zero, when Vertex AI wants": ({"scale_to_zero": True}, {"scaleToZeroSpec": {}}),
    "to zero, when we want": (
        {"scale_to_zero": True, "min_scaleup_period": 300, "idle_scaledown_period": 900},
        {"scaleToZeroSpec": {"minScaleupPeriod": "300s", "idleScaledownPeriod": "900s"}},
    ),
    "a first replica": (
        {"scale_to_zero": True, "initial_replicas": 2},
        {"scaleToZeroSpec": {}, "initialReplicaCount": 2},
    ),
    "fewer replicas are enough": ({"required_replicas": 1}, {"requiredReplicaCount": 1}),
    "for some days": (
        {"flex_start_seconds": 604800},
        {"flexStart": {"maxRuntimeDuration": "604800s"}},
    ),
    "a reservation": (
        {"reservation": "projects/p/zones/z/reservations/r"},
        {"machineSpec": {**L4_JSON["machineSpec"], "reservationAffinity": RESERVATION}},
    ),
}


@pytest.mark.parametrize("case", MACHINES)
def test_machines(case: str) -> None:
    changes, json = MACHINES[case]
    sent = machine_to_wire(msgspec.structs.replace(L4, **changes))
    assert MessageToDict(wire.DedicatedResources.pb(sent)) == {**L4_JSON, **json}


PROBE = {"httpGet": {"path": "/health", "port": 7080}, "periodSeconds": 10, "failureThreshold": 60}
WHOLE: Json = {
    "imageUri": "i",
    "command": ["python"],
    "args": ["--x"],
    "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
    "ports": [{"containerPort": 7080}],
    "predictRoute": "/p",
    "healthRoute": "/h",
    "invokeRoutePrefix": "/invoke",
    "grpcPorts": [{"containerPort": 7081}],
    "deploymentTimeout": "7200s",
    "sharedMemorySizeMb": "16384",
    "startupProbe": PROBE,
    "healthProbe": {"exec": {"command": ["true"]}},
    "livenessProbe": {"tcpSocket": {"port": 7080}},
}


@pytest.mark.evidence("serving.container-fields", side="plugin")
def test_a_container_is_kept_whole() -> None:
    assert set(WHOLE) == {field.json_name for field in wire.ModelContainerSpec.pb().DESCRIPTOR.fields}, (
        "every field that Google's type has"
    )
    sent = container_to_wire(ContainerSpec(WHOLE))
    assert MessageToDict(wire.ModelContainerSpec.pb(sent)) == WHOLE
    assert container_view(sent) == ContainerSpec(WHOLE), "and as it is read back, for the model that follows"


def test_a_container_that_google_has_no_type_for_is_refused_in_a_line() -> None:
    with pytest.raises(InvalidRequest, match=r"serving\.container cannot be sent: .*nonsense"):
        container_to_wire(ContainerSpec({"imageUri": "i", "nonsense": 1}))


def test_every_field_of_a_spec_has_its_place_in_googles_type() -> None:
    written = Container.model_validate(
        {
            "image_uri": "image",
            "predict_route": "/p",
            "health_route": "/h",
            "port": 7080,
            "args": ["--x"],
            "env": {"B": "2", "A": "1"},
            "command": ["python"],
            "grpc_port": 7081,
            "shared_memory_size_mb": 16384,
            "deployment_timeout": "90m",
            "startup_probe": {"http_get": {"path": "/health", "port": 7080}, "period_seconds": 10},
            "health_probe": {"exec": ["true"], "initial_delay_seconds": 0},
            "liveness_probe": {"tcp_port": 7080},
        }
    )
    assert set(written.model_fields_set) == set(Container.model_fields), "all of them are tried"
    sent = written.wire()
    assert MessageToDict(wire.ModelContainerSpec.pb(container_to_wire(ContainerSpec(sent)))) == {
        **sent,
        "healthProbe": {"exec": {"command": ["true"]}},
    }, "Google's JSON leaves zeros out"
    assert (sent["deploymentTimeout"], sent["sharedMemorySizeMb"]) == ("5400s", "16384")
    assert sent["startupProbe"]["periodSeconds"] == 10


RECOMMENDED = {
    "g2-standard-12": ("NVIDIA_L4", 1),
    "g2-standard-24": ("NVIDIA_L4", 2),
    "a3-highgpu-8g": ("NVIDIA_H100_80GB", 8),
}


@pytest.mark.parametrize(
    ("machine", "chosen"),
    [
        pytest.param(("g2-standard-24", "NVIDIA_L4", 2), "g2-standard-24", id="the machine itself"),
        pytest.param(("g2-standard-16", "NVIDIA_L4", 1), "g2-standard-12", id="as many of the accelerator"),
        pytest.param(("a3-highgpu-2g", "NVIDIA_H100_80GB", 2), "a3-highgpu-8g", id="the same accelerator"),
        pytest.param(
            ("a2-highgpu-1g", "NVIDIA_TESLA_A100", 1), "g2-standard-12", id="the first, of none alike"
        ),
    ],
)
def test_the_recommendation_for_the_machine_is_taken(machine: tuple[str, str, int], chosen: str) -> None:
    specs = [
        {
            "machineSpec": {"machineType": name, "acceleratorType": kind, "acceleratorCount": count},
            "containerSpec": {"imageUri": name},
        }
        for name, (kind, count) in RECOMMENDED.items()
    ]
    answer = wire.RecommendSpecResponse.from_json(json.dumps({"specs": specs}))
    asked = msgspec.structs.replace(
        L4, machine_type=machine[0], accelerator_type=machine[1], accelerator_count=machine[2]
    )
    assert recommended(answer, "us-central1", asked) == ContainerSpec({"imageUri": chosen})
    assert recommended(wire.RecommendSpecResponse(), "us-central1", asked) is None
