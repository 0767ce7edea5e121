"""Where data and weights may come from, and what a spec may refuse: on the real engine."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET, PROJECT
from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.pricing import NO_PRICES
from vertex_tuning.report import build, read_preview
from vertex_tuning.report.model import Training
from vertex_tuning.vertex import Connection, Vertex, connect

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]


@pytest.fixture
def vertex(emulator: RunningEmulator) -> Vertex:
    return connect(Connection(endpoint=emulator.url))


def with_service(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    [service] = values["services"]
    changed = {**service, **changes}
    return {**values, "services": [{key: value for key, value in changed.items() if value is not None}]}


def with_tuning(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return with_service(values, tuning={**values["services"][0]["tuning"], **changes})


def test_data_that_is_in_cloud_storage_already(
    workspace: Make, values: dict[str, Any], vertex: Vertex, emulator: RunningEmulator
) -> None:
    rows = [json.dumps({"prompt": f"{n}+1=", "completion": f" {n + 1}"}) for n in range(8)]
    vertex.storage.write(f"gs://{BUCKET}/own/good.jsonl", "\n".join(rows).encode(), if_generation=0)
    vertex.storage.write(f"gs://{BUCKET}/own/bad.jsonl", b'{"prompt": "a"}\n', if_generation=0)
    values = with_service(values, serve=False)
    since = emulator.admin.last_request()

    stack = workspace(with_tuning(values, training_data=f"gs://{BUCKET}/own/bad.jsonl"))
    for refused in (stack.preview(), stack.up()):
        assert not refused.ok
        assert "line 1" in refused.text
        assert "Traceback" not in refused.text
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "nothing was paid for"

    stack.configure(with_tuning(values, training_data=f"gs://{BUCKET}/own/nowhere.jsonl"))
    assert "is not there" in stack.preview().text

    stack.configure(with_tuning(values, training_data=f"gs://{BUCKET}/own/good.jsonl"))
    ran = stack.up()
    assert ran.ok, ran.text
    data = stack.resource("TuningDataset")
    assert data["examples"] == 8
    assert data["uri"] == f"gs://{BUCKET}/own/good.jsonl"
    job = vertex.jobs.get(stack.resource("TuningJob")["job"])
    assert job is not None
    assert job.training_uri == data["copy"], "the job reads a copy of one generation"
    read = stack.outputs()["tickets"]["lineage"]["training"]
    assert (read["generation"], read["crc32c"]) == (data["generation"], data["crc32c"])

    vertex.storage.write(
        f"gs://{BUCKET}/own/good.jsonl", "\n".join(rows[:4]).encode(), if_generation=int(data["generation"])
    )
    assert stack.steps() == [], "nothing is looked at while nothing is edited"
    refreshed = stack.refresh()
    assert "was overwritten" in refreshed.text
    assert stack.resource("TuningDataset")["generation"] == data["generation"]
    assert stack.steps() == []

    assert stack.destroy().ok
    refused = stack.preview()
    assert not refused.ok
    assert "holds other bytes" in refused.text
    assert "set attempt one higher" in refused.text
    stack.configure(with_tuning(values, training_data=f"gs://{BUCKET}/own/good.jsonl#{data['generation']}"))
    pinned = stack.preview()
    assert pinned.ok, f"the copy holds what was overwritten: {pinned.text}"


def test_tuned_weights_go_on_to_be_exported_tuned_further_and_served(
    workspace: Make, values: dict[str, Any], vertex: Vertex, emulator: RunningEmulator
) -> None:
    export = f"gs://{BUCKET}/exported"
    first = workspace(with_service(values, serve=False, export_uri=export))
    ran = first.up()
    assert ran.ok, ran.text
    weights = first.outputs()["tickets"]["artifacts_uri"]

    def names(folder: str) -> set[str]:
        return {blob.uri.removeprefix(folder) for blob in vertex.storage.listed(folder)}

    assert names(export) == names(weights) != set()
    assert not [r for r in first.state() if "Endpoint" in r["type"] or "DeployedModel" in r["type"]]

    since = emulator.admin.last_request()
    served = workspace(with_service(values, tuning=None, artifacts_uri=export))
    ran = served.up()
    assert ran.ok, ran.text
    assert served.outputs()["tickets"]["phase"] == "ready"
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "weights that are given are not tuned"

    further = workspace(with_tuning(with_service(values, serve=False), custom_base_model=weights))
    ran = further.up()
    assert ran.ok, ran.text
    assert further.resource("TuningJob")["job"] != first.resource("TuningJob")["job"]
    assert further.resource("TunedModel")["lineage"]["custom_base_model"] == weights


def test_an_adopted_job_is_checked_used_and_left_alone(
    workspace: Make, values: dict[str, Any], vertex: Vertex, emulator: RunningEmulator
) -> None:
    first = workspace(with_service(values, serve=False))
    ran = first.up()
    assert ran.ok, ran.text
    job = first.resource("TuningJob")["job"]
    since = emulator.admin.last_request()

    elsewhere = {**values, "output_uri": f"gs://{BUCKET}/adopting"}
    second = workspace(with_tuning(with_service(elsewhere, adopt_job=job, serve=False), epochs=2))
    refused = second.up()
    assert not refused.ok
    assert "epochs is 1, not 2" in refused.text

    second.configure(with_service(elsewhere, adopt_job=job, serve=False))
    ran = second.up()
    assert ran.ok, ran.text
    assert second.outputs()["tickets"]["artifacts_uri"] == first.outputs()["tickets"]["artifacts_uri"]
    assert second.destroy().ok
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0
    assert emulator.admin.count("POST", ":cancel", since) == 0
    assert vertex.jobs.get(job) is not None


def test_an_edit_that_would_pay_again_is_refused_when_denied(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace(with_service(values, serve=False, retrain="deny"))
    ran = stack.up()
    assert ran.ok, "the first tuning is asked for"
    stack.configure(with_tuning(with_service(values, serve=False, retrain="deny"), epochs=2))
    refused = stack.preview()
    assert not refused.ok
    assert "epochs" in refused.text
    assert "retrain is 'deny'" in refused.text
    assert "Traceback" not in refused.text

    stack.configure(with_tuning(with_service(values, serve=False), epochs=2))
    assert stack.up().ok
    stack.configure(with_service(values, serve=False, retrain="deny"))
    reverted = stack.preview()
    assert reverted.ok, reverted.text
    assert "pays nothing" in reverted.text
    assert "starts a paid tuning" not in reverted.text
    preview = read_preview(stack.run("preview", "--json", "--show-sames").text.encode())
    [service] = build(preview, NO_PRICES).services
    assert service.training is Training.REUSED, "and so does the report"


def test_what_is_protected_stays(workspace: Make, values: dict[str, Any], emulator: RunningEmulator) -> None:
    stack = workspace({**with_service(values, serve=False), "protect": True})
    ran = stack.up()
    assert ran.ok, ran.text
    refused = stack.destroy()
    assert not refused.ok
    assert "protected" in refused.text
    job = stack.resource("TuningJob")["job"]
    assert job
    since = emulator.admin.last_request()
    stack.configure({**with_tuning(with_service(values, serve=False), epochs=2), "protect": True})
    for refused in (stack.preview(), stack.up()):
        assert not refused.ok, "another tuning would replace this one"
        assert "marked for protection" in refused.text, refused.text
        assert "Traceback" not in refused.text
    assert stack.resource("TuningJob")["job"] == job
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "nothing was paid for"
    stack.configure(with_service(values, serve=False))
    assert stack.up().ok, "protection is taken off in the file"


def test_recreate_tells_the_downtime(workspace: Make, values: dict[str, Any]) -> None:
    serving = {"rollout": "recreate"}
    stack = workspace(with_service(values, serving=serving))
    ran = stack.up()
    assert ran.ok, ran.text
    stack.configure(with_tuning(with_service(values, serving=serving), epochs=2))
    previewed = stack.preview()
    assert previewed.ok, previewed.text
    assert "downtime" in previewed.text
    ran = stack.up()
    assert ran.ok, ran.text
    assert stack.outputs()["tickets"]["phase"] == "ready"


def test_a_private_endpoint_is_made_by_the_one_call(
    workspace: Make, values: dict[str, Any], vertex: Vertex, emulator: RunningEmulator
) -> None:
    stack = workspace(with_service(values, serving={"private_service_connect": [PROJECT]}))
    since = emulator.admin.last_request()
    ran = stack.up()
    assert ran.ok, ran.text
    assert emulator.admin.count("POST", ":deploy", since) == 1
    assert emulator.admin.count("POST", ":deployModel", since) == 0
    endpoint = vertex.serving.endpoint(stack.outputs()["tickets"]["endpoint"])
    assert endpoint is not None
    assert endpoint.private
    assert list(endpoint.traffic.values()) == [100]


def test_replicas_that_may_go_to_none(workspace: Make, values: dict[str, Any], vertex: Vertex) -> None:
    serving = {"min_replicas": 0, "max_replicas": 1, "scale_to_zero": {"idle_scaledown_period": 900}}
    stack = workspace(with_service(values, serving=serving))
    ran = stack.up()
    assert ran.ok, ran.text
    endpoint = vertex.serving.endpoint(stack.outputs()["tickets"]["endpoint"])
    assert endpoint is not None
    assert [deployed.min_replicas for deployed in endpoint.deployed] == [0]
    assert stack.steps() == [], "and stays as declared"


def test_an_adopted_endpoint_keeps_its_name_its_labels_and_its_life(
    workspace: Make, values: dict[str, Any], vertex: Vertex
) -> None:
    name = f"projects/{PROJECT}/locations/us-central1/endpoints/theirs"
    vertex.serving.create_endpoint(name, "theirs", {"team": "other"}, None, None)
    stack = workspace(with_service(values, adopt_endpoint=name))
    ran = stack.up()
    assert ran.ok, ran.text
    assert stack.outputs()["tickets"]["endpoint"] == name
    live = vertex.serving.endpoint(name)
    assert live is not None
    assert (live.display_name, live.labels, list(live.traffic.values())) == (
        "theirs",
        {"team": "other"},
        [100],
    )
    assert stack.steps() == []

    assert stack.destroy().ok
    live = vertex.serving.endpoint(name)
    assert live is not None
    assert live.deployed == ()
