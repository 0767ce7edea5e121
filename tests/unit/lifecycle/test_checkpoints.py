"""Intermediate checkpoints: served by number, deleted once the model serves; and jobs that succeed in part."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import BUCKET, planned
from tests.support.fake import Crash, FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning import checkpoints
from vertex_tuning.lineage import Data, Lineage
from vertex_tuning.plan import ServicePlan
from vertex_tuning.promotion import Promoted
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.vertex.errors import PermissionMissing

Declare = Callable[..., ServicePlan]
FINAL_ONLY = {"keep_checkpoints": "final"}


def output(plan: ServicePlan) -> str:
    assert plan.tuning is not None
    return plan.tuning.job_output_uri


def left(fake: FakeVertex, plan: ServicePlan) -> list[int]:
    """The numbers of the intermediate checkpoints that are there; the last weights always are."""
    there = [uri for uri in fake.storage.objects if uri.startswith(f"{output(plan)}/")]
    assert f"{checkpoints.uri_of(output(plan))}/config.json" in there
    return list(checkpoints.intermediate(there, output(plan)))


def serving(checkpoint: int | None) -> dict[str, Any]:
    return {"serving": {"checkpoint": checkpoint}} if checkpoint is not None else {}


@pytest.mark.evidence("jobs.checkpoints", side="plugin")
def test_any_checkpoint_is_served_by_its_number(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(epochs=3)
    assert engine.up(plan).ok
    other = declare(epochs=3, service=serving(20))
    assert other.declared["job"] == plan.declared["job"], "the same tuning: nothing is paid for"
    ran = engine.up(other)
    assert ran.ok, ran.failed
    assert len(fake.jobs.all) == 1
    wanted = checkpoints.uri_of(output(plan), 20)
    assert engine.outputs("model")["artifacts_uri"] == wanted, "and exported, promoted, shown"
    assert engine.up(other).quiet
    assert engine.destroy().ok


def test_a_number_that_is_not_there_is_refused_with_those_that_are(
    fake: FakeVertex, declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(epochs=3)
    assert engine.up(plan).ok
    ran = engine.up(declare(epochs=3, service=serving(7)))
    said = ran.failed["model"]
    assert "serving.checkpoint: no checkpoint at" in said
    assert "it has 10, 20, 30" in said
    first = MiniEngine().up(declare("other", epochs=2, service=serving(7)))
    assert "it has 10, 20" in first.failed["model"], "known only after the tuning: then nothing is deployed"
    assert engine.up(plan).ok, "back to what served all the time"


def test_a_checkpoint_needs_a_tuning() -> None:
    given = {"name": "a", "project": "acme-dev", "region": "us-central1", "output_uri": f"gs://{BUCKET}/out"}
    with pytest.raises(ValueError, match="name its folder in artifacts_uri"):
        ServiceSpec.model_validate({**given, "artifacts_uri": "gs://b12/w", "serving": {"checkpoint": 7}})


def test_tuning_on_from_a_checkpoint_that_is_not_there_is_refused(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    first = declare(epochs=2)
    assert MiniEngine().up(first).ok
    folder = checkpoints.folder_of(output(first))
    ran = MiniEngine().up(declare("other", custom_base_model=f"{folder}/checkpoint-11"))
    assert f"no checkpoint at {folder}/checkpoint-11; it has 10, 20" in ran.failed["job"]
    assert len(fake.jobs.all) == 1, "nothing was paid for"
    assert MiniEngine().up(declare("third", custom_base_model=f"{folder}/checkpoint-10")).ok


def test_a_checkpoint_of_another_stack_s_tuning_is_promoted_by_number() -> None:
    given = {"name": "a", "project": "acme-dev", "region": "us-central1", "output_uri": f"gs://{BUCKET}/out"}
    source = {"stack": "o/p/s", "service": "a"}
    spec = ServiceSpec.model_validate({**given, "from_stack": source, "serving": {"checkpoint": 20}})
    behind = Lineage(
        fingerprint="f",
        owner="o",
        base_model="m",
        mode="FULL",
        parameters={},
        training=Data(content="c", source="s", uri="u"),
    )
    made = Promoted(
        artifacts_uri=checkpoints.uri_of("gs://b12/out/f"),
        job="projects/p/locations/r/tuningJobs/1",
        lineage=behind,
    )
    plan = planned(spec, "prod", made)
    assert plan.declared["model"]["weights_uri"] == checkpoints.uri_of("gs://b12/out/f", 20)
    assert plan.declared["deployed"]["weights_uri"] == plan.declared["model"]["weights_uri"]


def test_deleting_the_weights_deletes_the_checkpoints_too(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(epochs=3, service={"delete_artifacts": True})
    assert engine.up(plan).ok
    assert engine.destroy().ok
    assert fake.storage.below(output(plan)) == []


def test_all_checkpoints_are_kept_by_default(fake: FakeVertex, declare: Declare) -> None:
    assert MiniEngine().up(plan := declare(epochs=3)).ok
    assert left(fake, plan) == [10, 20, 30]


@pytest.mark.evidence("jobs.checkpoints", side="plugin")
def test_the_others_are_deleted_once_the_model_serves(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(epochs=3, **FINAL_ONLY)
    fake.fault("serving.deploy_weights", PermissionMissing("no"))
    assert not engine.up(plan).ok
    assert left(fake, plan) == [10, 20, 30], "nothing serves: nothing is deleted"
    said.clear()
    assert engine.up(plan).ok
    assert left(fake, plan) == []
    assert any("once it serves (tuning.keep_checkpoints: final)" in line for line in said)
    assert [line.split("/checkpoint-")[1] for line in said if line.startswith("deleted ")] == [
        f"{number} (tuning.keep_checkpoints: final)" for number in (10, 20, 30)
    ]
    assert engine.up(plan).quiet
    engine.refresh()
    assert engine.up(plan).quiet, "a refresh forgets nothing"


def test_the_checkpoint_that_serves_is_kept(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(epochs=3, service=serving(20), **FINAL_ONLY)
    assert engine.up(plan).ok
    assert left(fake, plan) == [20]
    assert engine.up(declare(epochs=3, **FINAL_ONLY)).ok


def test_an_edit_deletes_them_later_and_one_back_brings_nothing(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(epochs=2)
    assert engine.up(plan).ok
    assert engine.up(declare(epochs=2, **FINAL_ONLY)).ok
    assert left(fake, plan) == []
    assert engine.up(plan).ok
    assert left(fake, plan) == []
    assert len(fake.jobs.all) == 1


def test_deleting_is_taken_up_again_after_a_crash_and_a_refusal(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(epochs=3, **FINAL_ONLY)
    assert engine.up(declare(epochs=3)).ok
    fake.fault("storage.delete", PermissionMissing("no right to delete"), nth=3)
    assert engine.up(plan).ok, "the model serves: no reason to fail"
    assert any("not all intermediate checkpoints are deleted: no right to delete" in line for line in said)
    assert left(fake, plan)
    fake.fault("storage.delete", Crash(), nth=2)
    with pytest.raises(Crash):
        engine.up(plan)
    assert engine.up(plan).ok
    assert left(fake, plan) == []


def test_a_refused_look_does_not_fail_what_serves(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    engine, plan = MiniEngine(), declare(epochs=2)
    assert engine.up(plan).ok
    fake.fault("jobs.get", PermissionMissing("no look"), times=None)
    ran = engine.up(declare(epochs=2, **FINAL_ONLY))
    assert "deployed" not in ran.failed
    fake.world.faults.clear()
    assert engine.up(declare(epochs=2, **FINAL_ONLY)).ok
    assert left(fake, plan) == []


def test_what_others_tune_on_from_is_kept(fake: FakeVertex, said: list[str], declare: Declare) -> None:
    first = declare(epochs=2)
    assert MiniEngine().up(first).ok
    start = checkpoints.uri_of(output(first), 10)
    fake.jobs.training_seconds = 10_000
    other = MiniEngine()
    other.up(declare("other", service={"wait": False}, custom_base_model=start))
    engine = MiniEngine()
    assert engine.up(first).ok
    assert engine.up(declare(epochs=2, **FINAL_ONLY)).ok
    assert left(fake, first) == [10]
    assert any(line.startswith(f"kept {start}, which is used by a tuning of tests/other/") for line in said)


def test_nothing_else_in_the_folder_is_touched(fake: FakeVertex, declare: Declare) -> None:
    engine, plan = MiniEngine(), declare(epochs=2)
    assert engine.up(plan).ok
    folder = checkpoints.folder_of(output(plan))
    others = {
        f"{folder}/checkpoint-x/model.safetensors",
        f"{folder}/checkpoint-010/model.safetensors",
        f"{folder}/notes.txt",
        f"{output(plan)}-2/postprocess/node-0/checkpoints/checkpoint-10/config.json",
    }
    for uri in others:
        fake.storage.put(uri, b"x")
    assert engine.up(declare(epochs=2, **FINAL_ONLY)).ok
    assert others <= set(fake.storage.objects)
    assert left(fake, plan) == []


PARTS = [
    ("all", "", "weights are there"),
    ("checkpoints", "serving.checkpoint takes one of those that are there: 10, 20", "only the others"),
    ("none", "no weights at", "nothing is there"),
]


@pytest.mark.evidence("jobs.partially-succeeded", side="plugin")
@pytest.mark.parametrize(("leaves", "failed", "why"), PARTS, ids=[case[0] for case in PARTS])
def test_a_job_that_succeeded_in_part_is_used_if_its_weights_are_there(
    fake: FakeVertex, said: list[str], declare: Declare, leaves: str, failed: str, why: str
) -> None:
    fake.jobs.in_part = [leaves]
    engine, plan = MiniEngine(), declare(epochs=2)
    ran = engine.up(plan)
    assert ran.ok == (not failed), why
    told = "succeeded in part: Internal error occurred"
    if failed:
        assert told in ran.failed["model"]
        assert failed in ran.failed["model"]
    else:
        assert any(line.startswith("warning:") and told in line for line in said)
        assert engine.up(plan).quiet
    assert len(fake.jobs.all) == 1
    if leaves == "checkpoints":
        assert engine.up(declare(epochs=2, service=serving(20))).ok, (
            "the user chooses one of those that are there"
        )


@pytest.mark.evidence("data.longest-sequence", side="plugin")
def test_examples_that_were_dropped_are_a_warning(
    fake: FakeVertex, said: list[str], declare: Declare
) -> None:
    fake.jobs.dropped = 3
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    assert any("dropped examples: 3, most likely because" in line for line in said if "warning:" in line)
    assert engine.up(plan).quiet


@pytest.mark.parametrize(("leaves", "jobs"), [("all", 1), ("none", 2)])
def test_a_retry_pays_again_only_where_no_weights_are(
    fake: FakeVertex, declare: Declare, leaves: str, jobs: int
) -> None:
    fake.jobs.in_part = [leaves]
    assert MiniEngine().up(declare(retry={"attempts": 2})).ok
    assert len(fake.jobs.all) == jobs
