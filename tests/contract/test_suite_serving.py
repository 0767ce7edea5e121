"""Endpoints, models and machines: what the plugin relies on, of every Vertex."""

import uuid
from collections.abc import Iterator

import msgspec
import pytest

from tests.contract import cases, real
from tests.contract.backends import REGION, Backend, Wire
from tests.contract.cases import L4, Made
from vertex_tuning import checkpoints
from vertex_tuning.catalog import FINAL, GLOBAL
from vertex_tuning.vertex.client import ContainerSpec, Deployed, Job, Serving
from vertex_tuning.vertex.errors import (
    AlreadyExists,
    InvalidRequest,
    QuotaExceeded,
    Transient,
    VertexError,
)

QUESTION = {"prompt": "1+1=", "max_tokens": 2, "raw_response": True}
PROBE = {"exec": {"command": ["true"]}, "periodSeconds": 30, "timeoutSeconds": 10}
CONTAINER = {
    "imageUri": "us-docker.pkg.dev/vertex-ai/vertex-vision-model-garden-dockers/pytorch-vllm-serve:contract",
    "command": ["python", "-m", "vllm.entrypoints.api_server"],
    "args": ["--port=8080"],
    "env": [{"name": "MODEL_ID", "value": "contract"}],
    "ports": [{"containerPort": 8080}],
    "predictRoute": "/generate",
    "healthRoute": "/ping",
    "grpcPorts": [{"containerPort": 8081}],
    "deploymentTimeout": "7200s",
    "sharedMemorySizeMb": "16384",
    "startupProbe": PROBE,
    "healthProbe": PROBE,
}


def only(serving: Serving, endpoint: str, *besides: str) -> Deployed:
    """The one deployed model of an endpoint that is none of these."""
    live = serving.endpoint(endpoint)
    assert live is not None
    [found] = [deployed for deployed in live.deployed if deployed.id not in besides]
    return found


def own_address(backend: Backend, endpoint: str) -> str:
    """Where a dedicated endpoint answers."""
    live = backend.vertex.serving.endpoint(endpoint)
    assert live is not None
    scheme = "http" if backend.name == "embedded" else "https"
    return f"{scheme}://{live.dns.removeprefix('https://')}/v1beta1/{endpoint}"


@pytest.fixture(scope="session")
def weights(trained: Job) -> str:
    return f"{trained.output_uri}/{FINAL}"


@pytest.fixture(scope="session")
def key() -> str:
    """At the end of the ids that we ask for."""
    return uuid.uuid4().hex[:8]


@pytest.fixture(scope="session")
def other(backend: Backend, trained: Job) -> Iterator[str]:
    """A registered model: an intermediate checkpoint, by its number."""
    serving, name = backend.vertex.serving, f"{backend.parent}/models/vt-{uuid.uuid4().hex[:8]}"
    uris = [blob.uri for blob in backend.vertex.storage.listed(checkpoints.folder_of(trained.output_uri))]
    number = max(checkpoints.intermediate(uris, trained.output_uri))
    at = checkpoints.uri_of(trained.output_uri, number)
    container = serving.recommended_container(backend.project, REGION, at, L4)
    upload = serving.upload_model(name, "other", at, container or ContainerSpec(CONTAINER), {})
    assert set(serving.under_way(name)) <= {upload}, "done by now, or found by the model's name"
    backend.finish(upload)
    assert serving.under_way(name) == ()
    yield name
    backend.finish(serving.delete_model(name))
    assert serving.delete_model(name) is None, "gone is done"
    assert serving.model(name) is None


@pytest.fixture(scope="session")
def served(backend: Backend, weights: str, key: str, other: str) -> Iterator[Made]:
    """Weights on a machine, by Model Garden's one call; ``other`` may be deployed beside them."""
    made = cases.deploy_weights(backend, weights, key=key)
    yield made
    cases.delete(backend, made)


class TestOneCall:
    @pytest.mark.evidence("operations.ids-chosen-by-the-service", side="contract")
    @pytest.mark.evidence("serving.psc-in-one-call", side="contract")
    def test_a_private_endpoint_under_ids_of_the_services_choice(
        self, backend: Backend, weights: str
    ) -> None:
        serving = backend.vertex.serving
        with backend.choosing_ids():
            made = cases.deploy_weights(backend, weights, psc_projects=(backend.project,))
        live, model = serving.endpoint(made.endpoint), serving.model(made.model)
        assert live is not None, "whatever its name became, the operation names it"
        assert (live.private, live.dns) == (True, "")
        assert model is not None
        assert model.artifacts_uri == weights
        cases.delete(backend, made)

    @pytest.mark.evidence("operations.deploy-shape", side="contract")
    @pytest.mark.evidence("serving.dedicated-by-default", side="plugin")
    @pytest.mark.evidence("serving.dedicated-by-default", side="contract")
    def test_what_it_makes(self, backend: Backend, served: Made, weights: str) -> None:
        serving = backend.vertex.serving
        live, model = serving.endpoint(served.endpoint), serving.model(served.model)
        assert live is not None
        first = only(serving, served.endpoint)
        assert (live.dedicated, bool(live.dns)) == (True, True), "it is asked under its own name"
        assert live.traffic == {first.id: 100}
        assert (first.machine_type, first.accelerator_type, first.accelerator_count) == (
            real.MACHINE,
            "NVIDIA_L4",
            1,
        )
        assert first.model.partition("@")[0] == served.model.partition("@")[0]
        assert model is not None
        assert model.artifacts_uri == weights

    def test_it_is_not_made_twice_under_one_id(
        self, backend: Backend, served: Made, weights: str, key: str
    ) -> None:
        if not served.endpoint.endswith(f"/vt-{key}"):
            return  # the service chose the ids: another call makes another endpoint
        with pytest.raises((AlreadyExists, InvalidRequest)):
            cases.deploy_weights(backend, weights, key=key)

    @pytest.mark.evidence("serving.container-names-its-weights", side="contract")
    def test_its_container_reads_the_weights_by_their_folder(
        self, backend: Backend, served: Made, weights: str
    ) -> None:
        model = backend.vertex.serving.model(served.model)
        assert model is not None
        container = model.container.json
        named = [*container.get("args", ()), *container.get("command", ())]
        assert any(weights in argument for argument in named), "why a copy is rewritten"

    def test_its_endpoint_is_renamed_and_keeps_its_traffic(self, backend: Backend, served: Made) -> None:
        serving, name = backend.vertex.serving, f"contract-{backend.run}-renamed"
        first = only(serving, served.endpoint)
        serving.patch_endpoint(served.endpoint, display_name=name, labels={"a": "b"})
        live = serving.endpoint(served.endpoint)
        assert live is not None
        assert (live.display_name, live.labels, live.traffic) == (name, {"a": "b"}, {first.id: 100})

    @pytest.mark.evidence("serving.logging-off", side="contract")
    def test_its_container_is_logged_once_that_is_switched_on(
        self, backend: Backend, wire: Wire, served: Made
    ) -> None:
        def logged() -> bool:
            [deployed] = wire.ok("GET", f"v1beta1/{served.endpoint}")["deployedModels"]
            return bool(deployed.get("enableContainerLogging"))

        serving = backend.vertex.serving
        assert not logged()
        backend.finish(serving.log_container(served.endpoint, only(serving, served.endpoint).id, on=True))
        assert logged()

    @pytest.mark.evidence("operations.unknown-fields", "operations.ui-metadata", side="contract")
    def test_metadata_of_operations_are_not_as_published(
        self, backend: Backend, wire: Wire, served: Made
    ) -> None:
        made = wire.ok(
            "POST",
            f"v1beta1/{backend.parent}/endpoints",
            {"displayName": f"contract-{backend.run}-metadata"},
        )
        backend.finish(made["name"])
        polled = wire.ok("GET", f"ui/{made['name']}")
        assert ".aiplatform.ui." in polled["metadata"]["@type"]
        backend.finish(backend.vertex.serving.delete_endpoint(polled["response"]["name"]))


class TestAsked:
    @pytest.mark.evidence("serving.shared-host-refuses-dedicated", side="contract")
    def test_the_shared_host_names_the_dedicated_one(self, wire: Wire, served: Made) -> None:
        answer = wire.call("POST", f"v1beta1/{served.endpoint}:predict", {"instances": [QUESTION]})
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["status"] == "FAILED_PRECONDITION"
        assert "Dedicated Endpoint cannot be accessed through the shared Vertex AI domain" in error["message"]

    @pytest.mark.evidence("serving.dedicated-host-refuses-alt", side="contract")
    def test_the_dedicated_host_refuses_what_googles_typed_client_adds(
        self, backend: Backend, wire: Wire, served: Made
    ) -> None:
        address = f"{own_address(backend, served.endpoint)}:predict?%24alt=json%3Benum-encoding%3Dint"
        answer = wire.call("POST", address, {"instances": [QUESTION]})
        assert answer.status_code == 400, answer.text

    @pytest.mark.evidence("serving.openai-form", side="contract")
    def test_openais_form_is_answered_at_the_endpoints_own_address(
        self, backend: Backend, wire: Wire, served: Made
    ) -> None:
        turns = [{"role": "user", "content": "Which team answers questions about invoices?"}]
        answer = wire.ok(
            "POST",
            f"{own_address(backend, served.endpoint)}/chat/completions",
            {"model": "", "messages": turns, "max_tokens": 4},
        )
        assert answer["choices"][0]["message"]["role"] == "assistant"

    @pytest.mark.evidence("serving.request-limits", side="contract")
    def test_a_request_is_bounded(self, backend: Backend, served: Made) -> None:
        with pytest.raises(VertexError):
            backend.vertex.serving.ask(served.endpoint, [{"prompt": "a" * 10_000_000}])


class TestRollOut:
    @pytest.mark.evidence("serving.shared-host-refuses-dedicated", side="plugin")
    def test_a_second_model_takes_the_traffic_step_by_step(
        self, backend: Backend, served: Made, other: str
    ) -> None:
        serving, endpoint = backend.vertex.serving, served.endpoint
        first = only(serving, endpoint)
        cases.deploy(backend, endpoint, other)
        second = only(serving, endpoint, first.id)
        live = serving.endpoint(endpoint)
        assert live is not None
        assert live.traffic.get(second.id, 0) == 0, "a second model takes no traffic by itself"
        answered = {serving.ask(endpoint, [QUESTION]).deployed_model_id for _ in range(4)}
        assert answered == {first.id}, "and cannot be asked: why an evaluation has an endpoint of its own"

        serving.patch_endpoint(endpoint, traffic={first.id: 50, second.id: 50})
        answered = {serving.ask(endpoint, [QUESTION]).deployed_model_id for _ in range(40)}
        assert answered == {first.id, second.id}, "an answer says who gave it"
        serving.patch_endpoint(endpoint, traffic={second.id: 100})
        assert serving.ask(endpoint, [QUESTION]).deployed_model_id == second.id
        backend.finish(serving.rescale(endpoint, second.id, msgspec.structs.replace(L4, max_replicas=2)))
        backend.finish(serving.undeploy(endpoint, first.id, {}))
        assert serving.undeploy(endpoint, first.id, {}) is None, "gone is done"
        live = serving.endpoint(endpoint)
        assert live is not None
        assert [(deployed.id, deployed.max_replicas) for deployed in live.deployed] == [(second.id, 2)]
        assert live.traffic == {second.id: 100}
        with pytest.raises(VertexError):
            backend.finish(serving.delete_endpoint(endpoint))


MACHINES = [
    pytest.param(
        {"min_replicas": 0, "scale_to_zero": True},
        id="zero without a first replica",
        marks=pytest.mark.evidence("serving.scale-to-zero", side="contract"),
    ),
    pytest.param(
        {"min_replicas": 0, "scale_to_zero": True, "initial_replicas": 1, "idle_scaledown_period": 299},
        id="too short a period",
        marks=pytest.mark.evidence("serving.scale-to-zero", side="contract"),
    ),
    pytest.param(
        {"flex_start_seconds": 7 * 24 * 3600 + 1},
        id="more than seven days",
        marks=pytest.mark.evidence("serving.flex-start", side="contract"),
    ),
    pytest.param(
        {"accelerator_count": 2},
        id="more accelerators than the machine has",
        marks=pytest.mark.evidence("serving.machine-fixes-accelerator", side="contract"),
    ),
]


class TestMachines:
    @pytest.mark.parametrize("machine", MACHINES)
    def test_machines_that_are_refused(
        self, backend: Backend, empty: str, other: str, machine: dict[str, object]
    ) -> None:
        with pytest.raises(InvalidRequest):
            cases.deploy(backend, empty, other, **machine)

    @pytest.mark.evidence("quotas.by-maximum", "quotas.serving-refusal", side="contract")
    def test_quota_is_charged_by_the_maximum(self, backend: Backend, empty: str, other: str) -> None:
        quota = backend.vertex.project.serving_quota(backend.project, REGION, "NVIDIA_L4")
        assert quota.limit is not None
        with pytest.raises(QuotaExceeded, match=quota.name):
            cases.deploy(backend, empty, other, max_replicas=quota.limit + 1)

    @pytest.mark.evidence("serving.scaled-to-zero", "serving.woken-from-zero", side="contract")
    def test_replicas_go_without_traffic_and_come_with_a_request(
        self, backend: Backend, wire: Wire, empty: str, other: str
    ) -> None:
        serving, periods = backend.vertex.serving, {"min_scaleup_period": 300, "idle_scaledown_period": 300}
        cases.deploy(backend, empty, other, min_replicas=0, scale_to_zero=True, initial_replicas=1, **periods)
        deployed = only(serving, empty)
        serving.patch_endpoint(empty, traffic={deployed.id: 100})

        def replicas() -> int:
            [found] = wire.ok("GET", f"v1beta1/{empty}")["deployedModels"]
            return int(found.get("status", {}).get("availableReplicaCount", 0))

        def asked() -> int:
            url = f"{own_address(backend, empty)}:predict"
            return wire.call("POST", url, {"instances": [QUESTION]}).status_code

        backend.until(lambda: asked() == 200)
        backend.pass_time(301)
        backend.until(lambda: replicas() == 0)
        assert asked() == 429
        backend.until(lambda: asked() == 200)
        backend.finish(serving.undeploy(empty, deployed.id, {}))

    @pytest.fixture(scope="class")
    def empty(self, backend: Backend) -> Iterator[str]:
        """An endpoint without a model."""
        serving, name = backend.vertex.serving, f"{backend.parent}/endpoints/vt-{uuid.uuid4().hex[:8]}"
        backend.finish(serving.create_endpoint(name, f"contract-{backend.run}", {}, None, None))
        yield name
        for deployed in (serving.endpoint(name) or pytest.fail(f"{name} is gone")).deployed:
            backend.finish(serving.undeploy(name, deployed.id, {}))
        backend.finish(serving.delete_endpoint(name))


class TestEndpoints:
    @pytest.mark.evidence("serving.request-limits", side="plugin")
    @pytest.mark.evidence("serving.request-limits", side="contract")
    @pytest.mark.parametrize("dedicated", [True, False])
    def test_an_empty_endpoint_under_an_id_of_ours(self, backend: Backend, *, dedicated: bool) -> None:
        serving, name = backend.vertex.serving, f"{backend.parent}/endpoints/vt-{uuid.uuid4().hex[:8]}"
        assert serving.endpoint(name) is None
        display_name = f"contract-{backend.run}"
        backend.finish(
            serving.create_endpoint(name, display_name, {"a": "b"}, None, None, dedicated=dedicated)
        )
        live = serving.endpoint(name)
        assert live is not None
        assert (live.dedicated, live.private) == (dedicated, False)
        refused = "no DNS name yet" if dedicated else "exceeds 1.500MB limit"
        with pytest.raises((InvalidRequest, Transient), match=refused):
            serving.ask(name, [{"prompt": "a" * 1_500_000}])
        found = {each.name.rsplit("/", 1)[1] for each in serving.endpoints(backend.project, REGION)}
        assert name.rsplit("/", 1)[1] in found
        backend.finish(serving.delete_endpoint(name))
        assert serving.endpoint(name) is None
        assert serving.delete_endpoint(name) is None, "gone is done"

    @pytest.mark.evidence("serving.any-region", side="contract")
    def test_models_are_served_where_nothing_is_tuned(self, backend: Backend) -> None:
        serving, place = backend.vertex.serving, f"projects/{backend.project}/locations"
        name = f"{place}/europe-west1/endpoints/vt-{uuid.uuid4().hex[:8]}"
        backend.finish(serving.create_endpoint(name, f"contract-{backend.run}", {}, None, None))
        backend.finish(serving.delete_endpoint(name))
        with pytest.raises(VertexError):
            serving.create_endpoint(f"{place}/{GLOBAL}/endpoints/vt-none", "none", {}, None, None)

    @pytest.mark.evidence("operations.none-below-nothing", side="contract")
    @pytest.mark.parametrize("nothing", ["endpoints/vt-nothing", "models/vt-nothing"])
    def test_nothing_is_under_way_below_what_is_not_there(self, backend: Backend, nothing: str) -> None:
        assert backend.vertex.serving.under_way(f"{backend.parent}/{nothing}") == ()

    @pytest.mark.evidence("operations.none-below-nothing", side="contract")
    def test_no_operations_can_be_listed_below_what_is_not_there(self, backend: Backend, wire: Wire) -> None:
        answer = wire.call("GET", f"v1beta1/{backend.parent}/endpoints/vt-nothing/operations")
        assert answer.status_code == 404, answer.text

    def test_an_operation_that_nobody_knows(self, backend: Backend) -> None:
        assert backend.vertex.serving.operation(f"{backend.parent}/operations/123") is None


class TestModels:
    @pytest.mark.evidence("serving.container-fields", side="contract")
    def test_a_container_is_kept_whole(self, backend: Backend, weights: str) -> None:
        serving, name = backend.vertex.serving, f"{backend.parent}/models/vt-{uuid.uuid4().hex[:8]}"
        backend.finish(serving.upload_model(name, "whole", weights, ContainerSpec(CONTAINER), {"a": "b"}))
        found = serving.model(name)
        assert found is not None
        kept = {field: found.container.json.get(field) for field in CONTAINER}
        assert kept == CONTAINER
        assert found.labels == {"a": "b"}
        serving.label_model(name, {"c": "d"})
        changed = serving.model(name)
        assert changed is not None
        assert (changed.labels, changed.container) == ({"c": "d"}, found.container)
        backend.finish(serving.delete_model(name))
