"""What we ask for as Google's types write it, field by field; what is left out stays out of the request."""

from typing import Any

import msgspec
import pytest
from google.cloud.aiplatform_v1beta1 import types as wire
from google.protobuf.json_format import MessageToDict

from vertex_tuning.catalog import ADAPTER_SIZES, TuningMode
from vertex_tuning.vertex.client import ContainerRequest, JobRequest, MachineRequest
from vertex_tuning.vertex.serving_wire import container_to_wire, container_view, machine_to_wire
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


CONTAINERS: dict[str, tuple[ContainerRequest, Json]] = {
    "an image": (ContainerRequest(image_uri="i"), {"imageUri": "i"}),
    "all of it": (
        ContainerRequest(
            image_uri="i",
            predict_route="/p",
            health_route="/h",
            port=7080,
            args=("--x",),
            env={"B": "2", "A": "1"},
        ),
        {
            "imageUri": "i",
            "predictRoute": "/p",
            "healthRoute": "/h",
            "ports": [{"containerPort": 7080}],
            "args": ["--x"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        },
    ),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_containers(case: str) -> None:
    asked, json = CONTAINERS[case]
    sent = container_to_wire(asked)
    assert MessageToDict(wire.ModelContainerSpec.pb(sent)) == json
    assert container_view(sent) == asked, "and as it is read back, for the model that follows"
