"""Whatever stands in the bucket: nothing of others is deleted or cancelled, and every failure is one line.

Hypothesis writes claims over those of a stack, and beside them, between its `refresh`, `up` and `destroy`. The
other team's stack shares the output folder; besides it there are a model, an endpoint and a job of nobody's stack.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.claims import GARBAGE, PLACE, edited, edits, fields
from tests.support.declared import BUCKET, OUTPUT, PROJECT, REGION, planned, spec_of, write_examples
from tests.support.fake import FakeVertex, plugged
from tests.support.fake_serving import container_of
from tests.support.fake_world import canonical
from tests.support.mini_engine import MiniEngine, Ran
from vertex_tuning import names
from vertex_tuning.catalog import TuningMode
from vertex_tuning.vertex.client import JobRequest, Logging, MachineRequest
from vertex_tuning.vertex.errors import VertexError

EXAMPLES, STEPS = 120, 18
TALLY: Counter[str] = Counter()
THEIRS = {names.OWNER_LABEL: names.label_of("acme/prod/tickets")}
L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


class Others:
    """What is not the stack's: another team's stack, and a model, an endpoint and a running job."""

    def __init__(self, fake: FakeVertex) -> None:
        self._fake = fake
        weights = f"gs://{BUCKET}/theirs"
        for name in ("config.json", "model.safetensors"):
            fake.storage.put(f"{weights}/{name}", b"{}")
        self.model = canonical(f"{PLACE}/models/acme-prod-model")
        fake.serving._register(self.model, container_of(weights, 1), weights, {})
        self.idle = [canonical(f"{PLACE}/models/{id_}") for id_ in ("acme-idle", "vt-tickets-0123456789ab")]
        fake.serving._register(self.idle[0], container_of(weights, 1), weights, {})
        fake.serving._register(self.idle[1], container_of(weights, 1), f"{OUTPUT}/other", THEIRS)
        self.endpoint = canonical(f"{PLACE}/endpoints/9001")
        fake.serving.create_endpoint(self.endpoint, "theirs", THEIRS, None, None)
        fake.clock.sleep(10)
        fake.serving.deploy(self.endpoint, self.model, "m", L4, None, Logging())
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
        self.seen = self.look()

    def look(self) -> tuple[Any, ...]:
        """All that is not the stack's, as it is now."""
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
            if _theirs(job.request.labels, own)
        }
        return sites, {model for model in (*deployed, *self.idle) if model in serving.registered}, jobs

    @property
    def names(self) -> list[str]:
        """Full names, for claims to name."""
        sites, models, jobs = self.seen
        return [*sites, *models, *jobs]


def _theirs(labels: Any, own: str) -> bool:
    return bool(labels.get(names.OWNER_LABEL) != own)


def commands(engine: MiniEngine, plan: Any, other_plan: Any) -> dict[str, Callable[[], Ran | None]]:
    """What the owner of the stack types."""
    return {
        "refresh": lambda: engine.refresh(),
        "up": lambda: engine.up(plan),
        "edit": lambda: engine.up(other_plan),
        "destroy": engine.destroy,
    }


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
    TALLY.clear()

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
            others = Others(fake)
            play(data, fake, engine, others, commands(engine, plan, other_plan))
            assert not any("Traceback" in line for line in said)

    attacked()
    record_property("steps", sum(TALLY.values()))
    record_property("steps by kind", dict(TALLY))
    assert sum(TALLY.values()) >= EXAMPLES // 2 * STEPS, TALLY


def play(
    data: st.DataObject,
    fake: FakeVertex,
    engine: MiniEngine,
    others: Others,
    typed: dict[str, Callable[[], Ran | None]],
) -> None:
    """Attacks and commands in turn, with a look at the others' after each."""
    tokens = [str(entry.outputs.get("token") or "") for entry in engine.state]
    owners = ["tests/dev/tickets", "tests/prod/tickets", "acme/prod/tickets", ""]
    strategies = fields(others.names, owners, [*tokens, "c0ffee"])
    for step in range(STEPS):
        kind = data.draw(st.sampled_from(["edit a claim", "scribble", "remove", "invent"]))
        attack(data, fake, kind, strategies, others)
        command = "destroy" if step == STEPS - 1 else data.draw(st.sampled_from(sorted(typed)))
        ran = None
        with suppress(VertexError):  # a refresh ends at the first; anything else is a traceback
            ran = typed[command]()
        if ran is not None:
            assert not any("\n" in text or "\x1b" in text for text in ran.failed.values()), ran.failed
        fake.clock.sleep(30)
        TALLY[f"{kind}, {command}"] += 1
        assert others.look() == others.seen, f"{command} after: {kind}"


def attack(
    data: st.DataObject,
    fake: FakeVertex,
    kind: str,
    strategies: dict[str, st.SearchStrategy[Any]],
    others: Others,
) -> None:
    """One write into the folder of claims."""
    there = sorted(uri for uri in fake.storage.objects if "/.claims/" in uri)
    if kind == "invent" or not there:
        models = [others.model, *others.idle]
        model, key = data.draw(st.sampled_from(models)).rsplit("/", 1)[1], ""
        kind = data.draw(st.sampled_from(["TuningJob", "DeployedModel", "Endpoint"]))
        said: dict[str, Any] = {"owner": "tests/dev/tickets", "reads": f"gs://{BUCKET}/theirs"}
        match kind:
            case "TuningJob":
                key, said = "TuningJob/forged", {**said, "id": "c0ffee", "resource": others.job}
            case "DeployedModel":
                key = f"{names.claims_of_models(PROJECT, REGION)}/{model}"
            case "Endpoint":
                key, said = f"Endpoint/{others.endpoint}", {**said, "resource": others.endpoint}
        if data.draw(st.booleans()):
            said |= data.draw(edits(strategies))
        fake.storage.put(f"{OUTPUT}/.claims/{key}.json", edited(b"", said))
        return
    uri = data.draw(st.sampled_from(there))
    if kind == "remove":
        del fake.storage.objects[uri]
    elif kind == "scribble":
        fake.storage.put(uri, data.draw(GARBAGE))
    else:
        fake.storage.put(uri, edited(fake.storage.objects[uri].content, data.draw(edits(strategies))))
