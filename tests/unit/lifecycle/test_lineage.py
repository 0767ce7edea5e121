"""What stands behind weights is written down beside them once, and found from the endpoint."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pulumi
import pytest

from tests.support.declared import BUCKET, PROJECT, REGION, planned
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine, program, wired
from vertex_tuning import lineage
from vertex_tuning.catalog import FINAL, TuningMode
from vertex_tuning.plan import Planned, ServicePlan
from vertex_tuning.promotion import OFFLINE, NotPromotable, chosen, read
from vertex_tuning.resources.tuned_model.inputs import TunedModelInputs
from vertex_tuning.served import look
from vertex_tuning.specs import FromStack, ServiceSpec
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.client import JobRequest
from vertex_tuning.vertex.errors import NotFound

Declare = Callable[..., ServicePlan]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = FromStack(stack="organization/tests/staging", service="tickets")


def written(fake: FakeVertex, plan: ServicePlan) -> lineage.Lineage:
    assert plan.tuning is not None
    return lineage.read(fake.storage.objects[lineage.uri_of(plan.tuning.artifacts_uri)].content)


def test_the_lineage_is_beside_the_weights_and_says_everything(fake: FakeVertex, declare: Declare) -> None:
    plan = declare(service={"commit": COMMIT}, epochs=3, learning_rate=1e-4)
    engine = MiniEngine()
    assert engine.up(plan).ok

    found = written(fake, plan)
    assert plan.tuning is not None
    assert found.fingerprint == plan.tuning.fingerprint
    assert (found.owner, found.commit, found.attempt) == ("tests/dev/tickets", COMMIT, 1)
    assert (found.base_model, found.mode) == ("meta/llama3_1@llama-3.1-8b", "FULL")
    assert found.parameters == {"epochs": 3, "learning_rate": 1e-4}
    assert found.training.content == plan.tuning.training.content
    assert found.training.examples == 3
    assert found.job == engine.outputs("job")["job"]
    assert found.ended


def test_another_commit_changes_nothing_and_the_first_one_stays(fake: FakeVertex, declare: Declare) -> None:
    engine, first = MiniEngine(), declare(service={"commit": COMMIT})
    assert engine.up(first).ok
    later = declare(service={"commit": "f" * 40})
    assert engine.up(later).quiet
    engine.refresh()
    assert engine.up(later).quiet
    assert written(fake, first).commit == COMMIT, "it is the tuning's, not the last up's"


def test_what_is_put_out_is_the_tunings_and_stays_when_the_program_goes_on(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(service={"commit": COMMIT})).ok
    later = declare(service={"commit": "f" * 40})
    engine.refresh()
    assert engine.outputs("model")["provenance"]["commit"] == COMMIT
    assert engine.up(later, replace=("model",)).ok
    assert engine.outputs("model")["provenance"]["commit"] == COMMIT, "made anew of the same weights"
    assert engine.outputs("model")["provenance"]["job"] == engine.outputs("job")["job"]


@pytest.mark.parametrize(
    ("elsewhere", "why"),
    [
        ({"output_uri": f"gs://{BUCKET}/prod"}, "reused from another folder"),
        ({}, "an heir in the same folder"),
    ],
)
def test_a_reader_puts_out_whose_tuning_it_is(
    fake: FakeVertex, declare: Declare, elsewhere: dict[str, str], why: str
) -> None:
    assert MiniEngine().up(declare("staging", service={"commit": COMMIT})).ok
    reader = MiniEngine()
    assert reader.up(declare("prod", service={**elsewhere, "commit": "f" * 40}, reuse="project")).ok
    told = lineage.of_inputs(reader.outputs("model")["provenance"])
    assert told is not None
    assert (told.owner, told.commit) == ("tests/staging/tickets", COMMIT), why


def test_an_heir_writes_no_lineage_for_the_one_who_tuned(fake: FakeVertex, declare: Declare) -> None:
    owner, waiter = MiniEngine(), MiniEngine()
    tuned = declare("staging", service={"wait": False, "serve": False, "commit": COMMIT})
    assert owner.up(tuned).ok
    assert waiter.up(declare("prod", service={"serve": False, "commit": "f" * 40})).ok, "it waits to the end"
    assert waiter.outputs("model")["provenance"]["owner"] != "tests/prod/tickets"
    assert owner.up(tuned).ok
    assert written(fake, tuned).commit == COMMIT


@pytest.mark.parametrize("folder", ["gs://theirs/by-hand", f"gs://{BUCKET}/out/by-hand"])
def test_an_adopted_job_is_not_said_to_have_read_our_data(
    fake: FakeVertex, declare: Declare, folder: str
) -> None:
    fake.storage.buckets.add("theirs")
    data = declare().declared["training-data"]
    # The same bytes elsewhere: a job that read others is not adopted.
    fake.storage.put("gs://theirs/their.jsonl", Path(data["source"]).read_bytes())
    theirs = fake.jobs.create(
        PROJECT,
        REGION,
        JobRequest(
            display_name="by hand",
            base_model="meta/llama3_1@llama-3.1-8b",
            mode=TuningMode.FULL,
            training_uri="gs://theirs/their.jsonl",
            output_uri=folder,
            epochs=1,
            labels={},
        ),
    )
    fake.clock.sleep(600)
    engine = MiniEngine()
    assert engine.up(declare(service={"adopt_job": theirs.name})).ok
    told = engine.outputs("model")["provenance"]
    assert told["training"]["uri"] == "gs://theirs/their.jsonl"
    assert told["job"] == theirs.name
    assert lineage.uri_of(f"{folder}/{FINAL}") not in fake.storage.objects, "nothing of ours is written there"


def test_a_state_from_before_the_lineage_was_whole_writes_none(fake: FakeVertex, declare: Declare) -> None:
    plan = declare()
    model = plan.of(TunedModelInputs)
    assert model is not None
    older = model.model_copy(update={"lineage": {"training": "sha256:0", "epochs": 1}})
    parts = {**plan.parts, "model": Planned("TunedModel", older)}
    assert MiniEngine().up(msgspec.structs.replace(plan, parts=parts)).ok
    assert plan.tuning is not None
    assert lineage.uri_of(plan.tuning.artifacts_uri) not in fake.storage.objects


def test_deleting_the_weights_deletes_their_lineage(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(service={"delete_artifacts": True})
    assert engine.up(plan).ok
    assert engine.destroy().ok
    assert plan.tuning is not None
    assert fake.storage.below(plan.tuning.job_output_uri) == []


def test_it_is_found_from_the_endpoint_with_each_share_of_the_traffic(
    fake: FakeVertex, declare: Declare
) -> None:
    plan = declare()
    assert MiniEngine().up(plan).ok
    assert plan.endpoint_name is not None
    [served] = look(fake, plan.endpoint_name)
    assert served.traffic == 100
    assert served.lineage == written(fake, plan)

    uri = lineage.uri_of(str(served.artifacts_uri))
    fake.storage.put(uri, b'{"fingerprint": 1}')
    [served] = look(fake, plan.endpoint_name)
    assert served.lineage is None
    assert uri in served.unknown
    del fake.storage.objects[uri]
    [served] = look(fake, plan.endpoint_name)
    assert "not tuned by this plugin" in served.unknown
    with pytest.raises(NotFound):
        look(fake, plan.endpoint_name + "x")


def promoted(*, serve: bool = True) -> ServiceSpec:
    """Prod's service, which serves what staging has tuned."""
    return ServiceSpec.model_validate(
        {
            "name": "tickets",
            "project": PROJECT,
            "region": REGION,
            "output_uri": f"gs://{BUCKET}/prod",
            "from_stack": SOURCE,
            "serve": serve,
            "delete_artifacts": True,
        }
    )


def promoting(fake: FakeVertex, owner: MiniEngine, plan: ServicePlan) -> ServicePlan:
    """Prod's plan, from what staging's outputs say; they pass through JSON, with floats for numbers."""
    outputs = {**owner.outputs("model"), "job": owner.outputs("job")["job"], "settled": True}
    said = msgspec.json.decode(msgspec.json.encode({"tickets": outputs}))
    said["tickets"]["lineage"]["attempt"] = 1.0
    return planned(promoted(), "prod", chosen(SOURCE, said))


@pytest.mark.parametrize("serve", [True, False])
def test_a_preview_that_is_not_to_look_at_other_stacks_goes_on_without_them(
    fake: FakeVertex, said: list[str], monkeypatch: pytest.MonkeyPatch, *, serve: bool
) -> None:
    monkeypatch.setenv(OFFLINE, "1")
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert read(SOURCE) is None
    plan = planned(promoted(serve=serve), "prod", None)
    for each in program(plan):
        assert each.provider.check({}, wired(each.inputs)).failures == [], each.name
    assert any("until destroyed: 1 × g2-standard-12" in line for line in said) == serve, (
        "its machines are known"
    )
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    with pytest.raises(NotPromotable):
        read(SOURCE)


def test_promoted_weights_are_served_owned_by_their_stack_and_known_by_their_lineage(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    staging, prod = MiniEngine(), MiniEngine()
    tested = declare("staging", service={"output_uri": f"gs://{BUCKET}/staging"})
    assert staging.up(tested).ok
    said.clear()
    served = promoting(fake, staging, tested)
    assert "job" not in served.declared, "nothing to tune"
    assert prod.up(served).ok

    assert any("of tests/staging/tickets, pays nothing" in line for line in said)
    assert served.endpoint_name is not None
    [found] = look(fake, served.endpoint_name)
    assert found.lineage == written(fake, tested)
    assert tested.tuning is not None
    claims = Claims(fake.storage, f"gs://{BUCKET}/staging")
    key = f"TuningJob/{tested.tuning.fingerprint}"
    held = claims.read(key, "")
    assert held is not None
    assert [waiter.owner for waiter in held.claim.waiters] == ["tests/prod/tickets"]
    assert prod.up(served).quiet
    assert prod.up(served, replace=("model",)).ok
    held = claims.read(key, "")
    assert held is not None
    assert [waiter.owner for waiter in held.claim.waiters] == ["tests/prod/tickets"], "replaced, it reads on"

    said.clear()
    assert staging.destroy().ok
    assert any("tests/prod/tickets" in line for line in said), said
    assert prod.destroy().ok
    assert fake.storage.is_model(tested.tuning.artifacts_uri), (
        "a reader deletes nothing, whatever it asks for"
    )


def tuned(**changes: object) -> dict[str, object]:
    behind = lineage.Lineage(
        fingerprint="f",
        owner="o",
        base_model="b",
        mode="FULL",
        parameters={},
        training=lineage.Data(content="c", source="s", uri="u"),
    )
    whole = {"artifacts_uri": "gs://b/w", "job": "j", "lineage": msgspec.to_builtins(behind), "settled": True}
    return {**whole, **changes}


NOTHING = [
    ({}, "it has nothing; run its `up` first", "a stack that was never brought up"),
    ({"other": tuned()}, "no service 'tickets', it has other", "another service"),
    ({"tickets": "text"}, "no service 'tickets'", "an output that is no service"),
    ({"tickets": tuned(settled=False)}, "is not settled", "what is not tested yet is not promoted"),
    ({"tickets": tuned(lineage=None)}, "it was not tuned", "weights that were given there"),
    (
        {"tickets": {"settled": True, "artifacts_uri": "gs://b/w"}},
        "older version",
        "an old version's outputs",
    ),
]


@pytest.mark.parametrize(("outputs", "said", "why"), NOTHING, ids=[case[2] for case in NOTHING])
def test_what_cannot_be_promoted(outputs: dict[str, object], said: str, why: str) -> None:
    with pytest.raises(NotPromotable) as refused:
        chosen(SOURCE, outputs)
    assert said in str(refused.value), why
