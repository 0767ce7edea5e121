"""Endpoints, models and deployments in memory."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.support.fake_storage import FakeStorage
from tests.support.fake_world import Served, Step, World, called, canonical
from vertex_tuning.catalog import GLOBAL, machines
from vertex_tuning.vertex.address import address
from vertex_tuning.vertex.client import (
    Answer,
    ContainerSpec,
    Deployed,
    Endpoint,
    Logging,
    MachineRequest,
    Operation,
    RegisteredModel,
    RequestLogging,
)
from vertex_tuning.vertex.errors import AlreadyExists, InvalidRequest, NotFound, QuotaExceeded
from vertex_tuning.vertex.project import serving_quota_id

IMAGE = "fake.invalid/serving:1"


def container_of(weights: str, accelerators: int) -> ContainerSpec:
    """What custom weights are served by: it reads them by their folder."""
    args = [f"--model={weights}", f"--tensor-parallel-size={accelerators}"]
    return ContainerSpec({"imageUri": IMAGE, "args": args, "sharedMemorySizeMb": "16384"})


EMPTY: Mapping[str, str] = {}


@dataclass
class Site:
    """An endpoint; the order of `deployed` is that of deployment."""

    name: str
    display_name: str
    labels: dict[str, str] = field(default_factory=dict)
    deployed: dict[str, Deployed] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    dedicated: bool = False
    private: bool = False
    logging: RequestLogging = field(default_factory=RequestLogging)

    def view(self) -> Endpoint:
        return Endpoint(
            name=self.name,
            display_name=self.display_name,
            labels=dict(self.labels),
            deployed=tuple(self.deployed.values()),
            traffic=dict(self.traffic),
            dedicated=self.dedicated,
            dns=self._dns if self.dedicated and self.deployed else "",
            private=self.private,
            logging=self.logging,
        )

    @property
    def _dns(self) -> str:
        _, number, _, region, _, id_ = self.name.split("/")
        return f"{id_}.{region}-{number}.prediction.vertexai.goog"


class FakeServing(Served):
    """``client.Serving`` in memory.

    Attributes:
        l4_per_region: accelerators that deployed models may hold in a region, and as many preemptible ones.
        own_ids: the one call chooses the ids of endpoint and model itself.
        recommends: whether it recommends containers.
        logged: deployed models whose containers' logs are on.
    """

    kind = "serving"

    def __init__(self, world: World, storage: FakeStorage) -> None:
        super().__init__(world)
        self._storage = storage
        self.sites: dict[str, Site] = {}
        self.registered: dict[str, ContainerSpec] = {}
        self.model_labels: dict[str, Mapping[str, str]] = {}
        self.logged: set[str] = set()
        self.weights: dict[str, str] = {}
        self.answers: Callable[[str, str], str] = lambda _model, prompt: f"An answer to {prompt}"
        self.asked: list[tuple[str, str]] = []
        self._asking = threading.Lock()
        self.l4_per_region = 8
        self.own_ids = False
        self.recommends = True

    @called
    def endpoint(self, name: str) -> Endpoint | None:
        site = self.sites.get(canonical(name))
        return site.view() if site else None

    @called
    def endpoints(self, project: str, region: str) -> tuple[Endpoint, ...]:
        parent = canonical(f"projects/{project}/locations/{region}/")
        return tuple(site.view() for name, site in self.sites.items() if name.startswith(parent))

    @called
    def models(self, project: str, region: str) -> tuple[str, ...]:
        parent = canonical(f"projects/{project}/locations/{region}/")
        return tuple(name for name in self.registered if name.startswith(parent))

    @called
    def fitting_machines(self, project: str, region: str, artifacts_uri: str) -> tuple[str, ...]:
        return (f"g2-standard-12 with 1 x NVIDIA_L4 in {region} (quota granted)",)

    @called
    def create_endpoint(
        self,
        name: str,
        display_name: str,
        labels: Mapping[str, str],
        psc_projects: tuple[str, ...] | None,
        kms_key: str | None,
        *,
        dedicated: bool = True,
        logging: RequestLogging | None = None,
    ) -> str:
        if f"/locations/{GLOBAL}/" in name:
            raise InvalidRequest(f"Endpoints are not supported in location '{GLOBAL}'.")
        name = canonical(name)
        self._free(name)
        private, logs = psc_projects is not None, logging or RequestLogging()
        made = Site(
            name,
            display_name,
            dict(labels),
            dedicated=dedicated and not private,
            private=private,
            logging=logs,
        )
        return self._begin("create_endpoint", name, lambda: self._add(made), holds=(name,))

    @called
    def patch_endpoint(
        self,
        name: str,
        *,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
        traffic: Mapping[str, int] | None = None,
        logging: RequestLogging | None = None,
    ) -> None:
        site = self._site(name)
        site.logging = site.logging if logging is None else logging
        if traffic is not None:
            _check_split(traffic, site.deployed)
            site.traffic = dict(traffic)
        site.display_name = site.display_name if display_name is None else display_name
        site.labels = site.labels if labels is None else dict(labels)

    @called
    def delete_endpoint(self, name: str) -> str | None:
        name = canonical(name)
        if name not in self.sites:
            return None
        self._refuse_deployed(name)

        def effect() -> None:
            self._refuse_deployed(name)
            self.sites.pop(name, None)

        return self._begin("delete_endpoint", name, effect)

    def _refuse_deployed(self, name: str) -> None:
        if name in self.sites and self.sites[name].deployed:
            raise InvalidRequest(f"Endpoint {name} cannot be deleted: models are deployed to it.")

    @called
    def deploy_weights(
        self,
        endpoint: str,
        endpoint_display_name: str,
        model_id: str,
        model_display_name: str,
        artifacts_uri: str,
        machine: MachineRequest,
        container: ContainerSpec | None,
        *,
        dedicated: bool = True,
        psc_projects: tuple[str, ...] | None = None,
    ) -> str:
        parent = canonical(endpoint).rsplit("/", 2)[0]
        endpoint_id = self.world.new_id() if self.own_ids else endpoint.rsplit("/", 1)[1]
        endpoint = f"{parent}/endpoints/{endpoint_id}"
        model = f"{parent}/models/{self.world.new_id() if self.own_ids else model_id}"
        self._weights(artifacts_uri)
        self._free(endpoint)
        self._free_model(model)
        private = psc_projects is not None
        site = Site(endpoint, endpoint_display_name, dedicated=dedicated and not private, private=private)
        new = self.world.new_id()
        deployed = _deployed(new, model, machine)

        def deploy() -> None:
            self._deploy(endpoint, deployed)
            self._site(endpoint).traffic = {new: 100}

        steps = [
            Step(
                lambda: self._register(
                    model, container or container_of(artifacts_uri, machine.accelerator_count), artifacts_uri
                ),
                self.world.operation_seconds,
            ),
            Step(lambda: self._add(site), self.world.operation_seconds),
            Step(deploy, self.world.deploy_seconds),
        ]
        return self.world.begin(
            "serving.deploy_weights", parent, steps, (endpoint, model), endpoint, f"{model}@1"
        )

    @called
    def upload_model(
        self,
        model: str,
        display_name: str,
        artifacts_uri: str,
        container: ContainerSpec,
        labels: Mapping[str, str],
    ) -> str:
        model = registered(model)
        self._weights(artifacts_uri)
        self._free_model(model)
        return self._begin(
            "upload_model",
            model,
            lambda: self._register(model, container, artifacts_uri, labels),
            holds=(model,),
        )

    def _register(
        self, model: str, container: ContainerSpec, artifacts_uri: str, labels: Mapping[str, str] = EMPTY
    ) -> None:
        self.registered[model], self.weights[model] = container, artifacts_uri
        self.model_labels[model] = labels

    @called
    def label_model(self, model: str, labels: Mapping[str, str]) -> None:
        model = registered(model)
        if model not in self.registered:
            raise NotFound(f"The Model {model} does not exist.")
        self.model_labels[model] = dict(labels)

    @called
    def model(self, name: str) -> RegisteredModel | None:
        name = registered(name)
        container = self.registered.get(name)
        if container is None:
            return None
        return RegisteredModel(
            container=container, artifacts_uri=self.weights.get(name), labels=self.model_labels.get(name, {})
        )

    @called
    def recommended_container(
        self, project: str, region: str, artifacts_uri: str, machine: MachineRequest
    ) -> ContainerSpec | None:
        self._weights(artifacts_uri)
        return container_of(artifacts_uri, machine.accelerator_count) if self.recommends else None

    @called
    def delete_model(self, model: str) -> str | None:
        model = registered(model)
        if model not in self.registered:
            return None
        self._refuse_used(model)

        def effect() -> None:
            self._refuse_used(model)
            self.registered.pop(model, None)

        return self._begin("delete_model", model, effect)

    def _refuse_used(self, model: str) -> None:
        if any(
            deployed.model == model for site in self.sites.values() for deployed in site.deployed.values()
        ):
            raise InvalidRequest(f"Model {model} cannot be deleted: it is deployed.")

    @called
    def deploy(
        self,
        endpoint: str,
        model: str,
        display_name: str,
        machine: MachineRequest,
        service_account: str | None,
        logging: Logging,
    ) -> str:
        site, model = self._site(endpoint), registered(model)
        self._model(model)
        deployed = _deployed(self.world.new_id(), model, machine)
        self.logged |= {deployed.id} if logging.container else set()

        def effect() -> None:
            self._model(model)
            self._deploy(site.name, deployed)

        step = Step(effect, self.world.deploy_seconds)
        return self.world.begin("serving.deploy", site.name, [step])

    @called
    def undeploy(self, endpoint: str, deployed_id: str, traffic: Mapping[str, int]) -> str | None:
        site = self.sites.get(canonical(endpoint))
        if site is None or deployed_id not in site.deployed:
            return None
        _after_undeploy(site, deployed_id, traffic)

        def effect() -> None:
            if deployed_id not in self._site(site.name).deployed:
                raise NotFound(f"DeployedModel {deployed_id} is not found.")
            site.traffic = _after_undeploy(site, deployed_id, traffic)
            del site.deployed[deployed_id]

        return self._begin("undeploy", site.name, effect)

    @called
    def rescale(self, endpoint: str, deployed_id: str, machine: MachineRequest) -> str:
        site = self._site(endpoint)
        if deployed_id not in site.deployed:
            raise NotFound(f"DeployedModel {deployed_id} is not found.")

        def effect() -> None:
            before = site.deployed.pop(deployed_id)
            wanted = msgspec.structs.replace(
                before,
                min_replicas=machine.min_replicas,
                max_replicas=machine.max_replicas,
                autoscaling_target=machine.autoscaling_target,
            )
            try:
                self._deploy(site.name, wanted)
            except QuotaExceeded:
                site.deployed[deployed_id] = before
                raise

        return self._begin("rescale", site.name, effect)

    @called
    def log_container(self, endpoint: str, deployed_id: str, *, on: bool) -> str:
        site = self._site(endpoint)
        if deployed_id not in site.deployed:
            raise NotFound(f"DeployedModel {deployed_id} is not found.")

        def effect() -> None:
            (self.logged.add if on else self.logged.discard)(deployed_id)

        return self._begin("log_container", site.name, effect)

    @called
    def ask(self, endpoint: str, instances: Sequence[Mapping[str, Any]]) -> Answer:
        site = self._site(endpoint)
        address(endpoint, site.view(), None)
        size = len(msgspec.json.encode({"instances": [dict(instance) for instance in instances]}))
        most = 10_000_000 if site.dedicated else 1_500_000
        if size > most:
            raise InvalidRequest(f"The request size ({size} bytes) exceeds {most / 1e6:.3f}MB limit.")
        shares = [id_ for id_, share in site.traffic.items() for _ in range(share)]
        if not shares:
            raise InvalidRequest(f"{site.name} has no deployed model that receives traffic.")
        with self._asking:
            # Of a hundred requests in a row each share gets its own; 37 mixes them up.
            chosen = site.deployed[shares[len(self.asked) * 37 % 100]]
            self.asked.append((site.name, chosen.id))
        answers = tuple(self.answers(chosen.model, str(instance["prompt"])) for instance in instances)
        return Answer(answers, chosen.id, chosen.model)

    @called
    def operation(self, name: str) -> Operation | None:
        found = self.world.running.get(canonical(name))
        return found.seen if found else None

    @called
    def changing(self, endpoint: str) -> bool:
        below = f"{canonical(endpoint)}/operations/"
        return any(
            name.startswith(below) and not running.done for name, running in self.world.running.items()
        )

    @called
    def under_way(self, name: str, since: float = 0.0) -> tuple[str, ...]:
        parents = canonical(name), canonical(name).rsplit("/", 2)[0]
        below = tuple(f"{parent}/operations/" for parent in parents)
        return tuple(
            operation
            for operation, running in self.world.running.items()
            if operation.startswith(below) and not running.done and running.begun >= since
        )

    def _begin(self, method: str, parent: str, effect: object, holds: tuple[str, ...] = ()) -> str:
        assert callable(effect)
        step = Step(effect, self.world.operation_seconds)
        return self.world.begin(f"{self.kind}.{method}", parent, [step], holds)

    def _add(self, site: Site) -> None:
        self.sites[site.name] = site

    def _site(self, name: str) -> Site:
        found = self.sites.get(canonical(name))
        if found is None:
            raise NotFound(f"{name} is not found.")
        return found

    def _model(self, model: str) -> None:
        if model not in self.registered:
            raise NotFound(f"{model} is not found.")

    def _free(self, endpoint: str) -> None:
        if endpoint in self.sites or self.world.held(endpoint):
            raise AlreadyExists(f"{endpoint} already exists.")

    def _free_model(self, model: str) -> None:
        if model in self.registered or self.world.held(model):
            raise AlreadyExists(f"{model} already exists.")

    def _weights(self, uri: str) -> None:
        if not self._storage.is_model(uri):
            raise InvalidRequest(f"No model is found at {uri}.")

    def _deploy(self, endpoint: str, deployed: Deployed) -> None:
        region = endpoint.split("/")[3]
        held = sum(
            _accelerators(other)
            for site in self.sites.values()
            if site.name.split("/")[3] == region
            for other in site.deployed.values()
            if other.preemptible == deployed.preemptible
        )
        if held + _accelerators(deployed) > self.l4_per_region:
            raise QuotaExceeded(
                "The following quotas are exceeded: "
                + serving_quota_id("NVIDIA_L4", preemptible=deployed.preemptible)
            )
        self._site(endpoint).deployed[deployed.id] = deployed


def registered(model: str) -> str:
    """A model's name as it is kept, without a version."""
    return canonical(model).partition("@")[0]


def _check_machine(machine: MachineRequest) -> None:
    carried = (machine.accelerator_type, machine.accelerator_count)
    if (machine.machine_type, *carried) not in machines():
        raise InvalidRequest(f"Machine type '{machine.machine_type}' does not carry {carried}.")
    if not machine.min_replicas and not 0 < (machine.initial_replicas or 0) <= machine.max_replicas:
        raise InvalidRequest("dedicated_resources.initial_replica_count should be larger than zero.")
    for period in (machine.min_scaleup_period, machine.idle_scaledown_period):
        if period is not None and not 300 <= period <= 28_800:
            raise InvalidRequest("scale_to_zero_spec: periods must be between 300 and 28800 seconds.")
    if (machine.flex_start_seconds or 0) > 7 * 24 * 3600:
        raise InvalidRequest("flex_start.max_runtime_duration can be set up to 7 days.")


def _deployed(id_: str, model: str, machine: MachineRequest) -> Deployed:
    _check_machine(machine)
    return Deployed(
        id=id_,
        model=model,
        machine_type=machine.machine_type,
        accelerator_type=machine.accelerator_type,
        accelerator_count=machine.accelerator_count,
        min_replicas=machine.min_replicas,
        max_replicas=machine.max_replicas,
        autoscaling_target=machine.autoscaling_target,
        spot=machine.spot,
        flex_start=machine.flex_start_seconds is not None,
    )


def _accelerators(deployed: Deployed) -> int:
    return deployed.accelerator_count * max(deployed.max_replicas, deployed.min_replicas, 1)


def _check_split(split: Mapping[str, int], deployed: Mapping[str, object]) -> None:
    if split and (set(split) - set(deployed) or sum(split.values()) != 100):
        raise InvalidRequest(f"The traffic split {dict(split)} does not fit what is deployed.")


def _after_undeploy(site: Site, gone: str, asked: Mapping[str, int]) -> dict[str, int]:
    left = {id_: deployed for id_, deployed in site.deployed.items() if id_ != gone}
    if not left:
        return {}
    if asked:
        _check_split(asked, left)
        return dict(asked)
    if site.traffic.get(gone, 0):
        raise InvalidRequest(f"DeployedModel {gone} cannot be undeployed: it receives traffic.")
    return {id_: share for id_, share in site.traffic.items() if id_ != gone}
