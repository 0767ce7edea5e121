"""Whatever stands in the bucket: nothing of others is deleted or cancelled, and every failure is one line.

Hypothesis writes claims over those of a stack, and beside them, between its `refresh`, `up` and `destroy`. The
other team's stack shares the output folder; besides it there are a model, an endpoint and a job of nobody's stack.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.attacks import THEIRS, commands, play, steps_of
from tests.property.claims import PLACE
from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION, planned, spec_of, write_examples
from tests.support.fake import FakeVertex, plugged
from tests.support.fake_serving import container_of
from tests.support.fake_world import canonical
from tests.support.mini_engine import MiniEngine
from vertex_tuning import names
from vertex_tuning.catalog import TuningMode
from vertex_tuning.vertex.client import JobRequest, Logging, MachineRequest

EXAMPLES, STEPS = 120, 18
L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


class FakeWorld:
    """A `World` on the fake: another team's stack, and a model, an endpoint and a running job."""

    def __init__(self, fake: FakeVertex) -> None:
        self._fake = fake
        weights = f"gs://{BUCKET}/theirs"
        for name in ("config.json", "model.safetensors"):
            fake.storage.put(f"{weights}/{name}", b"{}")
        self.models = [
            canonical(f"{PLACE}/models/{id_}")
            for id_ in ("acme-prod-model", "acme-idle", "vt-tickets-0123456789ab")
        ]
        model, *self.idle = self.models
        fake.serving._register(model, container_of(weights, 1), weights, {})
        fake.serving._register(self.idle[0], container_of(weights, 1), weights, {})
        fake.serving._register(self.idle[1], container_of(weights, 1), f"{OUTPUT}/other", THEIRS)
        self.endpoint = canonical(f"{PLACE}/endpoints/9001")
        fake.serving.create_endpoint(self.endpoint, "theirs", THEIRS, None, None)
        fake.clock.sleep(10)
        fake.serving.deploy(self.endpoint, model, "m", L4, None, Logging())
        fake.clock.sleep(60)
        fake.world.advance()
        fake.jobs.training_seconds = 1e9
        fake.jobs.quota = 100
        request = JobRequest(
            display_name="theirs",
            base_model="meta/llama3_1@llama-3.1-8b",
            mode=TuningMode.FULL,
            training_uri=f"{weights}/config.json",
            output_uri=f"gs://{BUCKET}/theirs/out",
            epochs=1,
            labels={**THEIRS, "vertex-tuning-claim": "c0ffee"},
        )
        self.job = fake.jobs.create(PROJECT, REGION, request).name
        sites, models, jobs = self.look()
        self.names = [*sites, *models, *jobs]

    def claims(self) -> list[str]:
        return sorted(uri for uri in self._fake.storage.objects if "/.claims/" in uri)

    def content(self, uri: str) -> bytes:
        return self._fake.storage.objects[uri].content

    def put(self, uri: str, content: bytes) -> None:
        self._fake.storage.put(uri, content)

    def remove(self, uri: str) -> None:
        del self._fake.storage.objects[uri]

    def sleep(self, seconds: float) -> None:
        self._fake.clock.sleep(seconds)

    def look(self) -> tuple[Any, ...]:
        serving, own = self._fake.serving, names.label_of("tests/dev/tickets")
        sites = {
            name: (site.display_name, dict(site.labels), sorted(site.deployed), dict(site.traffic))
            for name, site in serving.sites.items()
            if site.labels.get(names.OWNER_LABEL, own) != own
        }
        deployed = {each.model for name in sites for each in serving.sites[name].deployed.values()}
        jobs = {
            name: job.cancelling
            for name, job in self._fake.jobs.all.items()
            if job.request.labels.get(names.OWNER_LABEL) != own
        }
        return sites, {model for model in (*deployed, *self.idle) if model in serving.registered}, jobs


@pytest.mark.parametrize("serve", [True, False], ids=["that serves", "that only tunes"])
def test_claims_of_any_content(
    serve: bool,  # noqa: FBT001 - pytest passes it
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> None:
    training = write_examples(tmp_path_factory.mktemp("data") / "train.jsonl")
    service = {"serve": serve, "wait": False}
    plan = planned(spec_of(training, **service))
    other_plan = planned(spec_of(training, tuning={"epochs": 3}, **service))
    prod = planned(spec_of(training, tuning={"epochs": 2}), "prod")
    tallies: list[Counter[str]] = []

    @settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def attacked(data: st.DataObject) -> None:
        fake = FakeVertex(BUCKET)
        with plugged(fake) as said:
            engine, team = MiniEngine(), MiniEngine()
            fake.serving.l4_per_region = 1000
            assert team.up(prod).ok
            for _ in range(4):
                assert engine.up(plan).ok
                fake.clock.sleep(100)
            typed = commands(engine, plan, other_plan)
            tallies.append(play(data, FakeWorld(fake), engine, typed, STEPS))
            assert not any("Traceback" in line for line in said)

    attacked()
    steps, by_kind = steps_of(tallies)
    record_property("steps", steps)
    record_property("steps by kind", by_kind)
    assert steps >= EXAMPLES // 2 * STEPS, by_kind
