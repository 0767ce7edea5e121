"""What Vertex AI says about machines, containers and quotas, and what a preview says before it does."""

from typing import Any

import pytest
from google.api_core.exceptions import ResourceExhausted
from google.cloud import aiplatform_v1beta1
from pydantic import ValidationError

from tests.support.declared import OUTPUT, PROJECT, REGION
from tests.support.emulator import RunningEmulator
from tests.support.google import rest
from tests.support.plain import ONE_L4, Json, Plain
from vertex_tuning.fit import machine_warnings
from vertex_tuning.specs import ServiceSpec

L4_QUOTA = "CustomModelServingL4GPUsPerProjectPerRegion"
ZERO = {**ONE_L4, "minReplicaCount": 0, "scaleToZeroSpec": {}, "initialReplicaCount": 1}


def deploy(plain: Plain, resources: Json, **endpoint: Any) -> Json:
    """Model Garden's one call on these machines."""
    body = {
        "customModel": {"gcsUri": plain.weights()},
        "deployConfig": {"dedicatedResources": resources},
        "endpointConfig": endpoint,
    }
    return plain.vertex("POST", ":deploy", body)


def refusal(plain: Plain, resources: Json) -> str:
    body = {
        "customModel": {"gcsUri": plain.weights()},
        "deployConfig": {"dedicatedResources": resources},
    }
    status, code, message = plain.refused("POST", f"v1beta1/{plain.location}:deploy", body)
    assert (status, code) == (400, "INVALID_ARGUMENT")
    return message


def machine(name: str, accelerator: str, count: int) -> Json:
    spec = {"machineType": name, "acceleratorType": accelerator, "acceleratorCount": count}
    return {**ONE_L4, "machineSpec": spec}


REFUSED: dict[str, tuple[str, Json, str]] = {
    "zero without a first replica": (
        "scale-to-zero",
        {**ZERO, "initialReplicaCount": 0},
        "initial_replica_count should be larger than zero",
    ),
    "more at first than at most": (
        "scale-to-zero",
        {**ZERO, "initialReplicaCount": 2},
        "no greater than max_replica_count",
    ),
    "a first replica of some": (
        "scale-to-zero",
        {**ONE_L4, "initialReplicaCount": 1},
        "initial_replica_count should not be set",
    ),
    "too short a period": (
        "scale-to-zero",
        {**ZERO, "scaleToZeroSpec": {"idleScaledownPeriod": "299s"}},
        "idle_scaledown_period must be between 300 and 28800 seconds",
    ),
    "too long a period": (
        "scale-to-zero",
        {**ZERO, "scaleToZeroSpec": {"minScaleupPeriod": "28801s"}},
        "min_scaleup_period must be between 300 and 28800 seconds",
    ),
    "eight days": (
        "flex-start",
        {**ONE_L4, "flexStart": {"maxRuntimeDuration": "604801s"}},
        "can be set up to 7 days",
    ),
    "another accelerator than the machine's": (
        "machine-fixes-accelerator",
        machine("a3-highgpu-8g", "NVIDIA_L4", 8),
        "'a3-highgpu-8g' needs 8 x NVIDIA_H100_80GB",
    ),
    "fewer than the machine's": (
        "machine-fixes-accelerator",
        machine("g4-standard-96", "NVIDIA_RTX_PRO_6000", 1),
        "'g4-standard-96' needs 2 x NVIDIA_RTX_PRO_6000",
    ),
}


@pytest.mark.evidence("serving.scale-to-zero", side="service")
@pytest.mark.evidence("serving.flex-start", side="service")
@pytest.mark.evidence("serving.machine-fixes-accelerator", side="service")
@pytest.mark.parametrize("case", REFUSED)
def test_machines_that_are_refused(plain: Plain, case: str) -> None:
    _, resources, why = REFUSED[case]
    assert why in refusal(plain, resources)


def serving(**given: Any) -> ServiceSpec:
    place = {"name": "s", "project": PROJECT, "region": REGION, "output_uri": OUTPUT}
    return ServiceSpec.model_validate({**place, "artifacts_uri": "gs://bucket/w", "serving": given})


A3 = {"machine_type": "a3-highgpu-1g", "accelerator_type": "NVIDIA_H100_80GB", "accelerator_count": 1}
SPECS: dict[str, tuple[Json, str]] = {
    "more at first than at most": (
        {"min_replicas": 0, "scale_to_zero": {"initial_replicas": 2}},
        "initial_replicas 2 is above max_replicas 1",
    ),
    "a first replica of some": ({"scale_to_zero": {"initial_replicas": 1}}, "needs min_replicas: 0"),
    "too short a period": (
        {"min_replicas": 0, "scale_to_zero": {"idle_scaledown_period": 299}},
        "greater than or equal to 300",
    ),
    "too long a period": (
        {"min_replicas": 0, "scale_to_zero": {"min_scaleup_period": 28801}},
        "less than or equal to 28800",
    ),
    "eight days": ({"flex_start": {"max_runtime": "8d"}}, "from 1s to 7d, not 8d"),
    "two kinds of machines": ({"spot": True, "flex_start": {}}, "three kinds of machines: choose one"),
    "another accelerator than the machine's": (
        {**A3, "accelerator_type": "NVIDIA_L4"},
        "a3-highgpu-1g carries 1 x NVIDIA_H100_80GB",
    ),
    "more than can be there": (
        {"required_replicas": 2},
        "required_replicas 2 is above the 1 replicas that start",
    ),
}


@pytest.mark.evidence("serving.scale-to-zero", side="plugin")
@pytest.mark.evidence("serving.flex-start", side="plugin")
@pytest.mark.evidence("serving.machine-fixes-accelerator", side="plugin")
@pytest.mark.parametrize("case", SPECS)
def test_machines_that_a_preview_refuses(case: str) -> None:
    given, why = SPECS[case]
    with pytest.raises(ValidationError, match=why):
        serving(**given)


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        ({"flex_start": {"max_runtime": "12h"}}, "Vertex AI undeploys the model 12h after its start"),
        (A3, "is probably offered only as a spot or flex-start machine"),
        ({**A3, "spot": True}, None),
        ({**A3, "reservation": "projects/p/zones/z/reservations/r"}, None),
        ({}, None),
    ],
    ids=["flex-start ends", "a small A3", "as spot", "reserved", "the default"],
)
def test_what_a_preview_warns_of(given: Json, warning: str | None) -> None:
    found = list(machine_warnings(serving(**given)))
    assert [warning in text for text in found] == [True] if warning else found == []


@pytest.mark.evidence("serving.container-names-its-weights", side="service")
@pytest.mark.evidence("serving.container-fields", side="service")
def test_the_container_of_custom_weights(plain: Plain) -> None:
    answer = plain.done(deploy(plain, machine("g2-standard-24", "NVIDIA_L4", 2)))
    container = plain.ok("GET", f"v1beta1/{answer['model']}")["containerSpec"]
    assert "/pytorch-vllm-serve:" in container["imageUri"]
    assert container["args"][:3] == ["python", "-m", "vllm.entrypoints.api_server"]
    assert container["args"][-2:] == [f"--model={plain.weights()}", "--tensor-parallel-size=2"]
    assert {"MODEL_ID", "DEPLOY_SOURCE"} == {variable["name"] for variable in container["env"]}
    assert (container["ports"], container["predictRoute"]) == ([{"containerPort": 8080}], "/generate")
    assert (container["healthRoute"], container["sharedMemorySizeMb"]) == ("/ping", "16384")


@pytest.mark.evidence("serving.logging-off", side="service")
def test_containers_are_not_logged_unless_that_is_switched_on(plain: Plain) -> None:
    name = plain.done(deploy(plain, ONE_L4))["endpoint"]
    [deployed] = plain.ok("GET", f"v1beta1/{name}")["deployedModels"]
    assert "enableContainerLogging" not in deployed
    for on in (True, False):
        change = {"id": deployed["id"], "enableContainerLogging": on}
        body = {"deployedModel": change, "updateMask": "enableContainerLogging"}
        plain.done(plain.ok("POST", f"v1beta1/{name}:mutateDeployedModel", body))
        [deployed] = plain.ok("GET", f"v1beta1/{name}")["deployedModels"]
        assert deployed.get("enableContainerLogging", False) is on
        assert deployed["dedicatedResources"] == ONE_L4


@pytest.mark.evidence("serving.psc-in-one-call", side="service")
def test_the_one_call_makes_a_private_endpoint(plain: Plain) -> None:
    private = {"enablePrivateServiceConnect": True, "projectAllowlist": ["caller-project"]}
    name = plain.done(deploy(plain, ONE_L4, privateServiceConnectConfig=private))["endpoint"]
    live = plain.ok("GET", f"v1beta1/{name}")
    assert live["privateServiceConnectConfig"] == private
    assert "dedicatedEndpointDns" not in live


@pytest.mark.evidence("quotas.by-maximum", side="service")
@pytest.mark.evidence("quotas.serving-refusal", side="service")
def test_serving_quota_is_charged_by_the_maximum(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, l4_per_region=2)
    client = rest(aiplatform_v1beta1.EndpointServiceClient, plain.url)
    ended = plain.done(deploy(plain, {**ONE_L4, "maxReplicaCount": 3}))
    assert ended == {"error": {"code": 8, "message": f"The following quotas are exceeded: {L4_QUOTA}"}}

    emulator.admin.project(plain.project, l4_per_region=2, published_metadata=True)
    resources = {"machine_spec": {"machine_type": "g2-standard-24", "accelerator_type": 11}}
    resources["machine_spec"]["accelerator_count"] = 2
    deployed = {
        "model": plain.model(),
        "dedicated_resources": {**resources, "min_replica_count": 1, "max_replica_count": 2},
    }
    with pytest.raises(ResourceExhausted) as refused:
        client.deploy_model(endpoint=plain.endpoint(), deployed_model=deployed).result(timeout=60)
    # What users have reported: Google's client adds the operation's code, 8, after the message.
    assert str(refused.value).startswith(f"429 The following quotas are exceeded: {L4_QUOTA} 8")


@pytest.mark.evidence("quotas.preemptible", side="service")
@pytest.mark.parametrize("kind", [{"spot": True}, {"flexStart": {}}], ids=["spot", "flex-start"])
def test_preemptible_machines_have_a_quota_of_their_own(
    emulator: RunningEmulator, plain: Plain, kind: Json
) -> None:
    quota = "CustomModelServingPreemptibleL4GPUsPerProjectPerRegion"
    emulator.admin.project(plain.project, l4_per_region=0, serving_quotas={quota: 1})
    assert "endpoint" in plain.done(deploy(plain, {**ONE_L4, **kind}))
    ended = plain.done(deploy(plain, {**ONE_L4, **kind}))
    assert ended["error"]["message"] == f"The following quotas are exceeded: {quota}"


@pytest.mark.evidence("quotas.tuning-id", side="service")
def test_the_quotas_are_named_as_google_names_them(plain: Plain) -> None:
    parent = f"v1/projects/{plain.project}/locations/global/services/aiplatform.googleapis.com/quotaInfos"
    found = {info["quotaId"]: info for info in plain.ok("GET", parent)["quotaInfos"]}
    tuning = found["GlobalConcurrentManagedOssModelTuningJobs"]
    assert tuning["quotaDisplayName"] == "Global concurrent managed OSS model fine-tuning jobs per project"
    assert found[L4_QUOTA]["metric"] == "aiplatform.googleapis.com/custom_model_serving_nvidia_l4_gpus"
    a100 = found["CustomModelServingPreemptibleA100GPUsPerProjectPerRegion"]
    assert a100["metric"].endswith("/custom_model_serving_preemptible_nvidia_a100_gpus")


@pytest.mark.evidence("prerequisites.quota-project", side="service")
def test_a_users_own_credentials_need_a_quota_project(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, user_credentials=True)
    path = f"v1/projects/{plain.project}/billingInfo"
    status, code, message = plain.refused("GET", path)
    assert (status, code) == (403, "PERMISSION_DENIED")
    assert "The cloudbilling.googleapis.com API requires a quota project" in message
    assert plain.ok("GET", path, headers={"x-goog-user-project": plain.project})["billingEnabled"]


@pytest.mark.evidence("prerequisites.agents", side="service")
def test_a_submission_wants_the_agents_roles(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, agents_need_roles=True)
    plain.rows()
    number = plain.ok("GET", f"v1/projects/{plain.project}")["projectNumber"]
    member = f"serviceAccount:service-{number}@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com"
    path = f"storage/v1/b/{plain.bucket}/iam"
    for role, denied in (
        ("roles/storage.objectUser", "storage.objects.create"),
        ("roles/storage.legacyBucketReader", "storage.buckets.get"),
    ):
        status, code, message = plain.refused("POST", f"v1beta1/{plain.location}/tuningJobs", plain.job())
        assert (status, code) == (403, "PERMISSION_DENIED")
        assert f"Permission '{denied}' denied" in message
        policy = plain.ok("GET", path)
        policy["bindings"].append({"role": role, "members": [member]})
        plain.ok("PUT", path, policy)
    assert plain.vertex("POST", "/tuningJobs", plain.job())["name"]
