"""What the plugin relies on, of every Vertex: one suite, each backend in turn."""

import json
import uuid
from pathlib import Path

import msgspec
import pytest

from tests.contract.conftest import REGION, Backend
from vertex_tuning import checkpoints
from vertex_tuning.catalog import FINAL, TuningMode
from vertex_tuning.resources.readiness.checks import LOOKED_AT_BY, SERVICES
from vertex_tuning.vertex.client import Job, JobRequest, JobState, Logging, MachineRequest, Serving
from vertex_tuning.vertex.errors import AlreadyExists, InvalidRequest, NotFound, VertexError

L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


@pytest.fixture(scope="module")
def data(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> str:
    return put_rows(backend, tmp_path_factory.mktemp("data"), "train.jsonl", 8)


@pytest.fixture(scope="module")
def held_out(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> str:
    return put_rows(backend, tmp_path_factory.mktemp("data"), "validation.jsonl", 2)


def put_rows(backend: Backend, folder: Path, name: str, count: int) -> str:
    path = folder / name
    rows = [{"prompt": f"{n % 8}+1=", "completion": f" {n % 8 + 1}"} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    uri = f"{backend.folder}/{name}"
    backend.vertex.storage.upload(path, uri)
    return uri


def request(backend: Backend, data: str, **changes: object) -> JobRequest:
    asked = JobRequest(
        display_name="contract",
        base_model="meta/llama3_1@llama-3.1-8b",
        mode=TuningMode.FULL,
        training_uri=data,
        output_uri=f"{backend.folder}/{uuid.uuid4().hex[:8]}",
        epochs=1,
        labels={"contract": uuid.uuid4().hex},
    )
    return msgspec.structs.replace(asked, **changes)


def found_at(serving: Serving, model: str) -> str | None:
    """The folder of a registered model's weights."""
    found = serving.model(model)
    return found.artifacts_uri if found else None


def create(backend: Backend, asked: JobRequest) -> Job:
    """The quota is one job at once: wait for the one before."""
    backend.until(lambda: backend.vertex.jobs.active(backend.project, REGION) == ())
    return backend.vertex.jobs.create(backend.project, REGION, asked)


@pytest.fixture(scope="module")
def trained(backend: Backend, data: str, held_out: str) -> Job:
    asked = request(backend, data, validation_uri=held_out, batch_size=2, learning_rate=0.001)
    name = create(backend, asked).name

    def ended() -> Job | None:
        job = backend.vertex.jobs.get(name)
        return job if job is not None and job.state.ended else None

    job: Job = backend.until(ended)
    assert job.state is JobState.SUCCEEDED, job.reason
    return job


class TestJobs:
    def test_what_was_asked_for_is_read_back(
        self, backend: Backend, trained: Job, data: str, held_out: str
    ) -> None:
        assert (trained.base_model, trained.mode, trained.epochs) == (
            "meta/llama3_1@llama-3.1-8b",
            TuningMode.FULL,
            1,
        )
        assert (trained.training_uri, trained.validation_uri) == (data, held_out)
        assert (trained.batch_size, trained.learning_rate) == (2, 0.001)
        assert trained.custom_base_model is None
        assert set(trained.labels) >= {"contract"}

    @pytest.mark.evidence("data.validation-share", side="service")
    @pytest.mark.parametrize(
        ("training", "validation", "says"),
        [(8, 2, ""), (7, 2, "25%"), (8, 8, "25%")],
        ids=["a quarter", "more than a quarter", "as much"],
    )
    def test_validation_data_are_at_most_a_quarter_of_the_training_data(
        self, backend: Backend, tmp_path: Path, training: int, validation: int, says: str
    ) -> None:
        tag = uuid.uuid4().hex[:6]
        data = put_rows(backend, tmp_path, f"training-{tag}.jsonl", training)
        asked = request(
            backend, data, validation_uri=put_rows(backend, tmp_path, f"held-out-{tag}.jsonl", validation)
        )
        if says:
            with pytest.raises(InvalidRequest, match=says):
                create(backend, asked)
        else:
            backend.vertex.jobs.cancel(create(backend, asked).name)

    @pytest.mark.evidence("data.validation-rows", side="service")
    def test_validation_data_have_at_most_5000_rows(self, backend: Backend, tmp_path: Path) -> None:
        data = put_rows(backend, tmp_path, "large.jsonl", 20_004)
        held_out = put_rows(backend, tmp_path, "many.jsonl", 5001)
        with pytest.raises(InvalidRequest, match="5000"):
            create(backend, request(backend, data, validation_uri=held_out))

    def test_the_weights_are_where_the_guide_says(self, backend: Backend, trained: Job) -> None:
        names = {
            blob.uri.rsplit("/", 1)[1]
            for blob in backend.vertex.storage.listed(f"{trained.output_uri}/{FINAL}")
        }
        assert "config.json" in names
        assert any(name.endswith(".safetensors") for name in names)

    @pytest.mark.evidence("jobs.checkpoints", side="service")
    def test_intermediate_checkpoints_are_full_sets_of_weights(self, backend: Backend, trained: Job) -> None:
        folder = checkpoints.folder_of(trained.output_uri)
        uris = [blob.uri for blob in backend.vertex.storage.listed(folder)]
        last = {uri.removeprefix(f"{folder}/final/") for uri in uris if uri.startswith(f"{folder}/final/")}
        found = checkpoints.intermediate(uris, trained.output_uri)
        assert 1 <= len(found) <= checkpoints.MOST, "one for each epoch below ten"
        for number, others in found.items():
            at = f"{checkpoints.uri_of(trained.output_uri, number)}/"
            assert {uri.removeprefix(at) for uri in others} == last

    def test_it_is_found_by_its_labels_and_by_no_others(self, backend: Backend, trained: Job) -> None:
        found = backend.vertex.jobs.labelled(backend.project, REGION, dict(trained.labels))
        assert [job.name for job in found] == [trained.name]
        assert backend.vertex.jobs.labelled(backend.project, REGION, {"contract": "other"}) == ()

    def test_a_running_job_can_be_cancelled_and_an_ended_one_left(self, backend: Backend, data: str) -> None:
        job = create(backend, request(backend, data))
        backend.vertex.jobs.cancel(job.name)

        def ended() -> bool:
            seen = backend.vertex.jobs.get(job.name)
            return seen is not None and seen.state is JobState.CANCELLED

        backend.until(ended)
        backend.vertex.jobs.cancel(job.name)

    def test_what_is_not_there(self, backend: Backend) -> None:
        nowhere = f"{backend.parent}/tuningJobs/1"
        assert backend.vertex.jobs.get(nowhere) is None
        backend.vertex.jobs.cancel(nowhere)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"training_uri": "gs://no-such-bucket-here/x.jsonl"}, "data that is not there"),
            ({"output_uri": ""}, "nowhere to write to"),
        ],
    )
    def test_refusals_are_final(
        self, backend: Backend, data: str, changes: dict[str, object], why: str
    ) -> None:
        with pytest.raises((InvalidRequest, NotFound)):
            create(backend, request(backend, data, **changes))


class TestStorage:
    def test_a_write_says_what_it_replaces(self, backend: Backend) -> None:
        storage, uri = backend.vertex.storage, f"{backend.folder}/claims/{uuid.uuid4().hex}.json"
        assert storage.read(uri) is None
        first = storage.write(uri, b"one", if_generation=0)
        assert first
        assert storage.write(uri, b"other", if_generation=0) is None, "it is there already"
        second = storage.write(uri, b"two", if_generation=first)
        assert second not in (None, first)
        assert storage.write(uri, b"three", if_generation=first) is None, "someone was faster"
        assert storage.read(uri) == (b"two", second)
        assert storage.remove(uri, if_generation=first) is False
        assert second is not None
        assert storage.remove(uri, if_generation=second) is True
        assert storage.remove(uri, if_generation=second) is True, "gone is done"

    def test_the_same_write_twice_is_one(self, backend: Backend) -> None:
        storage, uri = backend.vertex.storage, f"{backend.folder}/claims/{uuid.uuid4().hex}.json"
        first = storage.write(uri, b"same", if_generation=0)
        assert storage.write(uri, b"same", if_generation=0) == first, "an answer that was lost is found"

    def test_up_down_copy_list_and_delete(self, backend: Backend, tmp_path: Path) -> None:
        storage, folder = backend.vertex.storage, f"{backend.folder}/{uuid.uuid4().hex}"
        path = tmp_path / "file"
        path.write_bytes(b"content")
        there = storage.upload(path, f"{folder}/a/b")
        assert storage.upload(path, f"{folder}/a/b") == there, "an equal object is left as it is"
        assert storage.stat(f"{folder}/a/b") == there
        storage.copy(f"{folder}/a/b", f"{folder}/c")
        storage.copy(f"{folder}/a/b#{there.generation}", f"{folder}/c")
        with pytest.raises(NotFound):
            storage.copy(f"{folder}/a/b#1", f"{folder}/d")
        storage.download(f"{folder}/c", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"content"
        assert [blob.uri for blob in storage.listed(folder)] == [f"{folder}/a/b", f"{folder}/c"]
        assert [blob.uri for blob in storage.listed(f"{folder}/a")] == [f"{folder}/a/b"], (
            "a folder, not a prefix"
        )
        storage.delete(f"{folder}/c")
        storage.delete(f"{folder}/c")
        assert storage.stat(f"{folder}/c") is None

    def test_buckets(self, backend: Backend) -> None:
        assert backend.vertex.storage.bucket_exists(backend.folder)
        assert not backend.vertex.storage.bucket_exists("gs://no-such-bucket-here-at-all/x")


class TestServing:
    @pytest.mark.evidence("serving.dedicated-by-default", side="plugin")
    @pytest.mark.evidence("serving.shared-host-refuses-dedicated", side="plugin")
    def test_an_endpoints_life(self, backend: Backend, trained: Job) -> None:
        serving, weights = backend.vertex.serving, f"{trained.output_uri}/{FINAL}"
        run = uuid.uuid4().hex[:8]
        endpoint, model = f"{backend.parent}/endpoints/vt-{run}", f"{backend.parent}/models/vt-{run}"
        assert serving.endpoint(endpoint) is None

        backend.finish(serving.deploy_weights(endpoint, "first", f"vt-{run}", "first", weights, L4, None))
        live = serving.endpoint(endpoint)
        assert live is not None
        [first] = live.deployed
        assert (live.dedicated, bool(live.dns)) == (True, True), "it is asked below, under its own name"
        assert live.traffic == {first.id: 100}
        assert (first.machine_type, first.accelerator_type, first.accelerator_count) == (
            "g2-standard-12",
            "NVIDIA_L4",
            1,
        )
        assert f"vt-{run}" in first.model
        assert found_at(serving, first.model) == weights, "as the endpoint names the model"
        with pytest.raises((AlreadyExists, InvalidRequest)):
            backend.finish(serving.deploy_weights(endpoint, "x", f"vt-{run}", "x", weights, L4, None))

        serving.patch_endpoint(endpoint, display_name="renamed", labels={"a": "b"})
        live = serving.endpoint(endpoint)
        assert live is not None
        assert (live.display_name, live.labels, live.traffic) == ("renamed", {"a": "b"}, {first.id: 100})

        backend.finish(serving.log_container(endpoint, first.id, on=True))
        registered = serving.model(model)
        assert registered is not None
        container_json = registered.container.json
        named = [*container_json.get("args", ()), *container_json.get("command", ())]
        assert any(weights in argument for argument in named), "why a copy is rewritten"
        container = (
            serving.recommended_container(backend.project, REGION, weights, L4) or registered.container
        )
        second_model = f"{backend.parent}/models/vt-{run}-2"
        upload = serving.upload_model(second_model, "second", weights, container, {})
        assert set(serving.under_way(second_model)) <= {upload}, "done by now, or found by the model's name"
        backend.finish(upload)
        assert serving.under_way(second_model) == ()
        assert serving.model(second_model) is not None
        to_zero = msgspec.structs.replace(L4, min_replicas=0, scale_to_zero=True)
        with pytest.raises(InvalidRequest):
            serving.deploy(endpoint, second_model, "without a first replica", to_zero, None, Logging())
        backend.finish(serving.deploy(endpoint, second_model, "second", L4, None, Logging()))
        live = serving.endpoint(endpoint)
        assert live is not None
        [second] = [deployed for deployed in live.deployed if deployed.id != first.id]
        assert live.traffic.get(second.id, 0) == 0, "a second model takes no traffic by itself"
        question = {"prompt": "1+1=", "max_tokens": 2, "raw_response": True}
        answered = {serving.ask(endpoint, [question]).deployed_model_id for _ in range(4)}
        assert answered == {first.id}, "and cannot be asked: why an evaluation has an endpoint of its own"

        serving.patch_endpoint(endpoint, traffic={first.id: 50, second.id: 50})
        answered = {serving.ask(endpoint, [question]).deployed_model_id for _ in range(40)}
        assert answered == {first.id, second.id}, "an answer says who gave it"
        serving.patch_endpoint(endpoint, traffic={second.id: 100})
        assert serving.ask(endpoint, [question]).deployed_model_id == second.id
        backend.finish(serving.rescale(endpoint, second.id, msgspec.structs.replace(L4, max_replicas=2)))
        backend.finish(serving.undeploy(endpoint, first.id, {}))
        backend.finish(serving.undeploy(endpoint, first.id, {}))
        live = serving.endpoint(endpoint)
        assert live is not None
        assert [(deployed.id, deployed.max_replicas) for deployed in live.deployed] == [(second.id, 2)]
        assert live.traffic == {second.id: 100}

        with pytest.raises(VertexError):
            backend.finish(serving.delete_endpoint(endpoint))
        backend.finish(serving.undeploy(endpoint, second.id, {}))
        backend.finish(serving.delete_endpoint(endpoint))
        assert serving.endpoint(endpoint) is None
        assert serving.under_way(endpoint) == (), "all of it is done"
        assert serving.delete_endpoint(endpoint) is None, "gone is done"
        for name in (model, second_model):
            backend.finish(serving.delete_model(name))
            assert serving.delete_model(name) is None, "gone is done"
            assert serving.model(name) is None

    @pytest.mark.evidence("serving.request-limits", side="plugin")
    @pytest.mark.parametrize("dedicated", [True, False])
    def test_an_empty_endpoint_under_an_id_of_ours(self, backend: Backend, *, dedicated: bool) -> None:
        name = f"{backend.parent}/endpoints/vt-{uuid.uuid4().hex[:8]}"
        begun = backend.vertex.serving.create_endpoint(
            name, "empty", {"a": "b"}, None, None, dedicated=dedicated
        )
        backend.finish(begun)
        live = backend.vertex.serving.endpoint(name)
        assert live is not None
        assert (live.dedicated, live.private) == (dedicated, False)
        said = "no DNS name yet" if dedicated else "exceeds 1.500MB limit"
        with pytest.raises(VertexError, match=said):
            backend.vertex.serving.ask(name, [{"prompt": "a" * 1_500_000}])
        ids = [
            endpoint.name.rsplit("/", 1)[1]
            for endpoint in backend.vertex.serving.endpoints(backend.project, REGION)
        ]
        assert name.rsplit("/", 1)[1] in ids
        backend.finish(backend.vertex.serving.delete_endpoint(name))

    def test_an_operation_that_nobody_knows(self, backend: Backend) -> None:
        assert backend.vertex.serving.operation(f"{backend.parent}/operations/123") is None


class TestProject:
    def test_prerequisites(self, backend: Backend) -> None:
        project = backend.vertex.project
        assert project.billing_enabled(backend.project)
        services = [*SERVICES, *LOOKED_AT_BY]
        assert project.enabled_services(backend.project, services) == set(services)
        quota = project.tuning_quota(backend.project)
        limit = quota.limit
        assert quota.request is None, "nothing was asked for"
        assert limit is None or limit >= 1
        assert quota.name
        l4 = project.serving_quota(backend.project, REGION, "NVIDIA_L4")
        assert l4.name == "CustomModelServingL4GPUsPerProjectPerRegion"
        assert l4.limit is not None
        assert project.serving_quota(backend.project, REGION, "NO_SUCH_ACCELERATOR").limit is None
