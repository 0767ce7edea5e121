"""Answers with fields, types and values that nobody has published: every getter reads what it knows of them."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.client import JobState, MachineRequest
from vertex_tuning.vertex.errors import VertexError

Json = dict[str, Any]
P, R = "p", "us-central1"
PLACE = f"projects/{P}/locations/{R}"
STAMP = "2026-11-30T10:00:00.123456789Z"
AT = "type.googleapis.com/google.cloud.aiplatform"

MACHINES: Json = {
    "machineSpec": {"machineType": "g2-standard-12", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1},
    "minReplicaCount": 1,
    "maxReplicaCount": 2,
    "autoscalingMetricSpecs": [{"metricName": "m", "target": 60}],
}
CONTAINER: Json = {
    "imageUri": "i",
    "args": ["a"],
    "env": [{"name": "N", "value": "v"}],
    "ports": [{"containerPort": 8080}],
}
ENDPOINT: Json = {
    "name": f"{PLACE}/endpoints/e",
    "displayName": "e",
    "labels": {"a": "b"},
    "deployedModels": [{"id": "1", "model": f"{PLACE}/models/m@1", "dedicatedResources": MACHINES}],
    "trafficSplit": {"1": 100},
    "createTime": STAMP,
}
MODEL: Json = {"name": f"{PLACE}/models/m", "artifactUri": "gs://b/w/", "containerSpec": CONTAINER}
JOB: Json = {
    "name": f"{PLACE}/tuningJobs/1",
    "baseModel": "meta/llama3_1@llama-3.1-8b",
    "state": "JOB_STATE_RUNNING",
    "labels": {"a": "b"},
    "outputUri": "gs://b/o",
    "error": {"code": 8, "message": "m", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo"}]},
    "supervisedTuningSpec": {
        "trainingDatasetUri": "gs://b/t",
        "tuningMode": "TUNING_MODE_FULL",
        "hyperParameters": {"epochCount": "3", "adapterSize": "ADAPTER_SIZE_FOUR"},
    },
    "tunedModel": {"model": f"{PLACE}/models/m@1", "checkpoints": [{"epoch": "1", "step": "2"}]},
    "createTime": STAMP,
    "startTime": STAMP,
}
OPERATION: Json = {
    "name": f"{PLACE}/operations/1",
    "done": True,
    "metadata": {
        "@type": f"{AT}.ui.DeployOperationMetadata",
        "genericMetadata": {"createTime": STAMP, "updateTime": STAMP},
    },
    "response": {
        "@type": f"{AT}.v1beta1.DeployResponse",
        "endpoint": f"{PLACE}/endpoints/e",
        "model": f"{PLACE}/models/m@1",
    },
}
UNDER_WAY: Json = {"name": f"{PLACE}/endpoints/e/operations/2", "metadata": OPERATION["metadata"]}
FITS: Json = {
    "baseModel": "b",
    "recommendations": [
        {
            "region": R,
            "spec": {"machineSpec": MACHINES["machineSpec"], "containerSpec": CONTAINER},
            "userQuotaState": "QUOTA_STATE_USER_HAS_QUOTA",
        }
    ],
}
QUOTA: Json = {
    "quotaId": "q",
    "quotaDisplayName": "Global concurrent managed OSS model fine-tuning jobs per project",
    "metric": "aiplatform.googleapis.com/custom_model_serving_nvidia_l4_gpus",
    "containerType": "PROJECT",
    "dimensionsInfos": [{"details": {"value": "1"}, "applicableLocations": [R]}],
}

L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)

ANSWERS: dict[str, Json] = {
    "tuningJobs/1": JOB,
    "tuningJobs": {"tuningJobs": [JOB, JOB]},
    "endpoints/e": ENDPOINT,
    "endpoints": {"endpoints": [ENDPOINT]},
    "models/m": MODEL,
    "models": {"models": [MODEL]},
    f"{R}:recommendSpec": FITS,
    "operations/1": OPERATION,
    "operations": {"operations": [UNDER_WAY]},
    "billingInfo": {"billingEnabled": True},
    "services:batchGet": {"services": [{"name": f"projects/{P}/services/s", "state": "ENABLED"}]},
    "quotaInfos": {"quotaInfos": [QUOTA]},
    "quotaInfos/GlobalConcurrentManagedOssModelTuningJobs": QUOTA,
    "quotaInfos/CustomModelServingL4GPUsPerProjectPerRegion": QUOTA,
    "quotaPreferences": {"quotaPreferences": [{"quotaId": "q", "quotaConfig": {"preferredValue": "2"}}]},
}

GETTERS: dict[str, Callable[[Vertex], object]] = {
    "a job": lambda google: google.jobs.get(f"{PLACE}/tuningJobs/1"),
    "jobs by label": lambda google: google.jobs.labelled(P, R, {"a": "b"}),
    "jobs that run": lambda google: google.jobs.active(P, R),
    "an endpoint": lambda google: google.serving.endpoint(f"{PLACE}/endpoints/e"),
    "endpoints": lambda google: google.serving.endpoints(P, R),
    "a model": lambda google: google.serving.model(f"{PLACE}/models/m"),
    "models": lambda google: google.serving.models(P, R),
    "what fits": lambda google: google.serving.fitting_machines(P, R, "gs://b/w"),
    "the container": lambda google: google.serving.recommended_container(P, R, "gs://b/w", L4),
    "an operation": lambda google: google.serving.operation(f"{PLACE}/operations/1"),
    "operations": lambda google: google.serving.under_way(f"{PLACE}/endpoints/e"),
    "billing": lambda google: google.project.billing_enabled(P),
    "the APIs": lambda google: google.project.enabled_services(P, ["s"]),
    "the tuning quota": lambda google: google.project.tuning_quota(P),
    "the serving quota": lambda google: google.project.serving_quota(P, R, "NVIDIA_L4"),
}


class Server(ThreadingHTTPServer):
    """Answers each path with what is in ``answers`` under the path's end."""

    answers: dict[str, Json]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        body = json.dumps(self.server.answers[max((end for end in ANSWERS if path.endswith(end)), key=len)])
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET  # noqa: N815 - the name is the base class's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers = ANSWERS
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def google(server: Server) -> Vertex:
    return connect(Connection(endpoint=f"http://127.0.0.1:{server.server_port}"))


QUICK = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],  # each example is a round trip over HTTP: to shrink one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
UNKNOWN = st.sampled_from(
    [
        {"@type": f"{AT}.ui.Unheard", "a": 1},
        [{"@type": f"{AT}.ui.Unheard"}],
        [{"a": 1}],
        "UNHEARD_OF",
        {"nested": {"deeper": [1, "2", None]}},
        17,
        None,
        True,
    ]
)
ENUMS = ("state", "tuningMode", "adapterSize", "acceleratorType", "userQuotaState", "containerType")


def places(value: Any) -> Iterator[Json]:
    """Every object in an answer but for maps of the user's own keys, to which nobody adds fields."""
    if isinstance(value, list):
        for each in value:
            yield from places(each)
    if isinstance(value, dict):
        yield value
        for key, each in value.items():
            if key not in ("labels", "trafficSplit"):
                yield from places(each)


@st.composite
def widened(draw: st.DrawFn, answer: Json) -> Json:
    """The answer with fields that nobody knows, enum values that are new, and details of odd types."""
    found = copy.deepcopy(answer)
    for place in list(places(found)):
        if draw(st.booleans()):
            place["fieldOfTomorrow"] = draw(UNKNOWN)
        for key in ENUMS:
            if key in place and draw(st.booleans()):
                place[key] = draw(st.sampled_from(["VALUE_OF_TOMORROW", 99]))
        if "details" in place and isinstance(place["details"], list):
            place["details"].append(draw(UNKNOWN.filter(lambda each: isinstance(each, dict))))
    return found


@pytest.mark.evidence("operations.unknown-fields", "operations.ui-metadata", side="plugin")
@pytest.mark.filterwarnings("ignore:Unrecognized:UserWarning")  # Google's own, of a number that is new
@pytest.mark.parametrize("getter", GETTERS)
@QUICK
@given(data=st.data())
def test_what_nobody_knows_hinders_no_getter(
    server: Server, google: Vertex, getter: str, data: st.DataObject
) -> None:
    server.answers = {path: data.draw(widened(answer), path) for path, answer in ANSWERS.items()}
    assert GETTERS[getter](google) is not None


@st.composite
def spoiled(draw: st.DrawFn, answer: Json) -> Json:
    """The answer with values of other types than they should have."""
    found = copy.deepcopy(answer)
    for place in list(places(found)):
        for key in list(place):
            if draw(st.integers(0, 9)) == 0:
                place[key] = draw(UNKNOWN)
    return found


@pytest.mark.filterwarnings("ignore:Unrecognized:UserWarning")  # Google's own, of a number that is new
@pytest.mark.parametrize("getter", GETTERS)
@QUICK
@given(data=st.data())
def test_what_is_of_another_type_is_left_out_or_refused(
    server: Server, google: Vertex, getter: str, data: st.DataObject
) -> None:
    server.answers = {path: data.draw(spoiled(answer), path) for path, answer in ANSWERS.items()}
    with suppress(VertexError):  # anything else would show as a traceback
        GETTERS[getter](google)


def test_what_is_known_of_such_an_answer_is_read(server: Server, google: Vertex) -> None:
    odd = {**JOB, "state": "JOB_STATE_DREAMING", "fieldOfTomorrow": 1}
    odd["error"] = {"code": 8, "message": "m", "details": [{"@type": f"{AT}.ui.Unheard"}]}
    server.answers = {**ANSWERS, "tuningJobs/1": odd, "tuningJobs": {"tuningJobs": [JOB, odd]}}

    for job in (google.jobs.get(f"{PLACE}/tuningJobs/1"), google.jobs.labelled(P, R, {})[1]):
        assert job is not None
        assert (job.state, job.state_name) == (JobState.UNKNOWN, "JOB_STATE_DREAMING")
        assert not job.state.ended
        assert (job.reason, job.epochs, job.labels) == ("m", 3, {"a": "b"})
