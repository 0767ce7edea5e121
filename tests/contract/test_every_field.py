"""What a spec says is what Google is told: providers on the embedded service, read back over plain HTTP."""

from pathlib import Path

import pytest

from tests.support.declared import planned, spec_of, write_examples
from tests.support.emulator import RunningEmulator
from tests.support.mini_engine import MiniEngine
from tests.support.plain import REGION, Json, Plain
from vertex_tuning.plan import ServicePlan
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.vertex.connection import ENDPOINT

KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
CONTAINER = {
    "image_uri": "us-docker.pkg.dev/p/r/vllm:1",
    "predict_route": "/generate",
    "health_route": "/health",
    "port": 7080,
    "args": ["--max-model-len=4096"],
    "env": {"MODEL_ID": "ours"},
}
CONTAINER_ON_THE_WIRE = {
    "imageUri": "us-docker.pkg.dev/p/r/vllm:1",
    "predictRoute": "/generate",
    "healthRoute": "/health",
    "ports": [{"containerPort": 7080}],
    "args": ["--max-model-len=4096"],
    "env": [{"name": "MODEL_ID", "value": "ours"}],
}


@pytest.fixture
def google(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> Plain:
    """A project with a bucket, and the address of the service for providers."""
    plain.put("there", b"")
    monkeypatch.setenv(ENDPOINT, plain.url)
    return plain


def place(google: Plain) -> dict[str, str]:
    return {"project": google.project, "output_uri": f"gs://{google.bucket}/out"}


def brought_up(plan: ServicePlan) -> MiniEngine:
    engine = MiniEngine()
    ran = engine.up(plan)
    assert ran.ok, ran.failed
    assert engine.up(plan).quiet, "what is there is what was asked for"
    return engine


def test_every_field_of_a_tuning(google: Plain, tmp_path: Path) -> None:
    tuning = {
        "mode": "PEFT_ADAPTER",
        "epochs": 2,
        "adapter_size": 8,
        "batch_size": 4,
        "learning_rate": 0.001,
        "validation_data": str(write_examples(tmp_path / "validation.jsonl", 2)),
        "service_account": "tuner@p.iam.gserviceaccount.com",
        "kms_key": KEY,
        "display_name": "tickets by team",
    }
    training = write_examples(tmp_path / "train.jsonl", 8)
    spec = spec_of(training, **place(google), tuning=tuning, serve=False, labels={"cost-centre": "a1"})

    engine = brought_up(planned(spec))

    job = google.ok("GET", f"v1beta1/{engine.outputs('job')['job']}")
    sent = job["supervisedTuningSpec"]
    assert sent["tuningMode"] == "TUNING_MODE_PEFT_ADAPTER"
    assert sent["hyperParameters"] == {
        "epochCount": "2",
        "adapterSize": "ADAPTER_SIZE_EIGHT",
        "batchSize": "4",
        "learningRate": 0.001,
    }
    assert sent["trainingDatasetUri"] == engine.outputs("training-data")["uri"]
    assert sent["validationDatasetUri"] == engine.outputs("validation-data")["uri"]
    assert job["serviceAccount"] == "tuner@p.iam.gserviceaccount.com"
    assert job["encryptionSpec"] == {"kmsKeyName": KEY}
    assert job["tunedModelDisplayName"] == "tickets by team"
    assert job["labels"].items() >= {"cost-centre": "a1"}.items()


def served(google: Plain, engine: MiniEngine) -> tuple[Json, Json, Json]:
    """The endpoint, what is deployed on it, and the model that it was registered as."""
    endpoint = google.ok("GET", f"v1beta1/{engine.outputs('endpoint')['endpoint']}")
    [deployed] = endpoint["deployedModels"]
    return endpoint, deployed, google.ok("GET", f"v1beta1/{deployed['model']}")


@pytest.mark.parametrize(
    ("account", "calls"),
    [
        (None, [":deploy"]),
        ("server@p.iam.gserviceaccount.com", ["/endpoints", "/models:upload", ":deployModel"]),
    ],
    ids=["in one call", "as an account of its own, which that call cannot say"],
)
@pytest.mark.parametrize(
    ("machine", "on_the_wire"),
    [
        pytest.param(
            {"spot": True, "min_replicas": 1, "max_replicas": 3, "autoscaling_target": 70},
            {
                "spot": True,
                "minReplicaCount": 1,
                "maxReplicaCount": 3,
                "autoscalingMetricSpecs": [
                    {
                        "metricName": "aiplatform.googleapis.com/prediction/online/accelerator/duty_cycle",
                        "target": 70,
                    }
                ],
            },
            id="spot and autoscaled",
        ),
        pytest.param(
            {
                "reservation": "projects/p/zones/us-central1-a/reservations/r",
                "min_replicas": 0,
                "scale_to_zero": {"min_scaleup_period": 300, "idle_scaledown_period": 900},
            },
            {
                "maxReplicaCount": 1,
                "initialReplicaCount": 1,
                "scaleToZeroSpec": {"minScaleupPeriod": "300s", "idleScaledownPeriod": "900s"},
            },
            id="reserved and scaled to zero",
        ),
    ],
)
def test_every_field_of_a_first_deployment(
    google: Plain,
    emulator: RunningEmulator,
    account: str | None,
    calls: list[str],
    machine: Json,
    on_the_wire: Json,
) -> None:
    weights = google.weights("ours")
    serving = {**machine, "container": CONTAINER, "model_display_name": "tickets model"}
    if account is not None:
        serving["service_account"] = account
    given = {**place(google), "name": "tickets", "region": REGION, "artifacts_uri": weights}
    spec = ServiceSpec.model_validate({**given, "serving": serving, "labels": {"cost-centre": "a1"}})
    since = emulator.admin.last_request()

    engine = brought_up(planned(spec))

    endpoint, deployed, model = served(google, engine)
    assert deployed.get("serviceAccount") == account
    reserved = machine.get("reservation")
    affinity = {
        "reservationAffinityType": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": [reserved],
    }
    assert deployed["dedicatedResources"] == {
        "machineSpec": {
            "machineType": "g2-standard-12",
            "acceleratorType": "NVIDIA_L4",
            "acceleratorCount": 1,
            **({"reservationAffinity": affinity} if reserved else {}),
        },
        **on_the_wire,
    }
    assert model["containerSpec"] == CONTAINER_ON_THE_WIRE
    assert (model["artifactUri"], model["displayName"]) == (weights, "tickets model")
    assert endpoint["labels"].items() >= {"cost-centre": "a1"}.items()
    assert endpoint["trafficSplit"] == {deployed["id"]: 100}
    for call in calls:
        assert emulator.admin.count("POST", call, since) == 1, call
