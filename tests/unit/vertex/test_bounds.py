"""No call to Google goes out without a bound: one that hangs would hold `pulumi up` for good."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import stamina

from vertex_tuning.catalog import TuningMode
from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.client import ContainerSpec, JobRequest, Logging, MachineRequest
from vertex_tuning.vertex.errors import Transient
from vertex_tuning.vertex.retry import TIMEOUT

PLACE = "projects/p/locations/us-central1"
ENDPOINT, MODEL, OBJECT = f"{PLACE}/endpoints/e", f"{PLACE}/models/m", "gs://b/o"
L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)
JOB = JobRequest(
    display_name="d",
    base_model="m",
    mode=TuningMode.FULL,
    training_uri="gs://b/t",
    output_uri="gs://b/out",
    epochs=1,
    labels={},
)
IMAGE = ContainerSpec({"imageUri": "i"})
CALLS: dict[str, Callable[[Vertex], object]] = {
    "jobs.create": lambda v: v.jobs.create("p", "us-central1", JOB),
    "jobs.get": lambda v: v.jobs.get(f"{PLACE}/tuningJobs/1"),
    "jobs.labelled": lambda v: v.jobs.labelled("p", "us-central1", {}),
    "jobs.cancel": lambda v: v.jobs.cancel(f"{PLACE}/tuningJobs/1"),
    "jobs.active": lambda v: v.jobs.active("p", "us-central1"),
    "serving.endpoint": lambda v: v.serving.endpoint(ENDPOINT),
    "serving.endpoints": lambda v: v.serving.endpoints("p", "us-central1"),
    "serving.create_endpoint": lambda v: v.serving.create_endpoint(ENDPOINT, "e", {}, None, None),
    "serving.patch_endpoint": lambda v: v.serving.patch_endpoint(ENDPOINT, traffic={}),
    "serving.delete_endpoint": lambda v: v.serving.delete_endpoint(ENDPOINT),
    "serving.deploy_weights": lambda v: v.serving.deploy_weights(ENDPOINT, "e", "m", "m", OBJECT, L4, None),
    "serving.upload_model": lambda v: v.serving.upload_model(MODEL, "m", OBJECT, IMAGE, {}),
    "serving.model": lambda v: v.serving.model(MODEL),
    "serving.models": lambda v: v.serving.models("p", "us-central1"),
    "serving.delete_model": lambda v: v.serving.delete_model(MODEL),
    "serving.deploy": lambda v: v.serving.deploy(ENDPOINT, MODEL, "m", L4, None, Logging()),
    "serving.undeploy": lambda v: v.serving.undeploy(ENDPOINT, "1", {}),
    "serving.rescale": lambda v: v.serving.rescale(ENDPOINT, "1", L4),
    "serving.log_container": lambda v: v.serving.log_container(ENDPOINT, "1", on=True),
    "serving.operation": lambda v: v.serving.operation(f"{ENDPOINT}/operations/1"),
    "serving.under_way": lambda v: v.serving.under_way(ENDPOINT),
    "storage.stat": lambda v: v.storage.stat(OBJECT),
    "storage.read": lambda v: v.storage.read(OBJECT),
    "storage.write": lambda v: v.storage.write(OBJECT, b"", if_generation=0),
    "storage.listed": lambda v: v.storage.listed(OBJECT),
    "project.billing_enabled": lambda v: v.project.billing_enabled("p"),
    "project.tuning_quota": lambda v: v.project.tuning_quota("p"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_call_has_a_bound(call: Callable[[Vertex], object], monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[Any] = []

    def no_answer(_session: object, _method: str, _url: str, **options: Any) -> None:
        bounds.append(options.get("timeout"))
        raise requests.ConnectionError("no answer")

    monkeypatch.setattr(requests.Session, "request", no_answer)
    with stamina.set_testing(True), pytest.raises(Transient):
        call(connect(Connection(endpoint="http://127.0.0.1:1")))

    # Before the call itself, the clients may look at the machine they run on.
    assert all(isinstance(bound, float) and bound <= TIMEOUT for bound in bounds), bounds
    assert bounds[-1] > TIMEOUT / 2, "long enough for what takes long to begin"
