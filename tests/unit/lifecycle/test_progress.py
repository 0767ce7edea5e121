"""What the row says while a tuning job waits and runs."""

import re
from collections.abc import Callable

import msgspec
import pytest
from google.cloud.aiplatform_v1beta1.types import JobState as WireState
from google.cloud.aiplatform_v1beta1.types import TunedModel, TunedModelCheckpoint, TuningJob

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from vertex_tuning.lifecycle import Observation, Pace, Phase
from vertex_tuning.lifecycle.waiting import Waiting
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources._tuning import progress
from vertex_tuning.resources.tuned_model import TunedModelProvider
from vertex_tuning.resources.tuned_model.inputs import TunedModelInputs
from vertex_tuning.vertex.client import Job, Losses, LossPoint
from vertex_tuning.vertex.errors import PermissionMissing
from vertex_tuning.vertex.tuning_jobs import _view

Declare = Callable[..., ServicePlan]
NAME = "projects/77/locations/us-central1/tuningJobs/5"


def shown(**fields: object) -> Job:
    """A job as Google's own type shows it."""
    asked = {"hyper_parameters": {"epoch_count": 4}}
    return _view(TuningJob(name=NAME, supervised_tuning_spec=asked, **fields))


RUNNING = [
    ({}, "tuning", "nothing more is known yet"),
    ({"start_time": "2026-11-24T02:03:04Z"}, "tuning since 02:03:04 UTC", "it has a start"),
    (
        {"tuned_model": TunedModel(checkpoints=[TunedModelCheckpoint(epoch=n, step=40 * n) for n in (2, 1)])},
        "epoch 2/4",
        "the newest checkpoint, in whatever order they come",
    ),
    (
        {"experiment": "projects/77/locations/us-central1/metadataStores/default/contexts/tuning-1"},
        "tuning, loss in projects/77/locations/us-central1/metadataStores/default/contexts/tuning-1",
        "Vertex AI names an experiment; a job itself has no field for a loss",
    ),
]


@pytest.mark.parametrize(("fields", "line", "why"), RUNNING, ids=[case[2] for case in RUNNING])
def test_a_running_job(fake: FakeVertex, fields: dict[str, object], line: str, why: str) -> None:
    job = shown(state=WireState.JOB_STATE_RUNNING, **fields)
    assert progress.of_job(fake.context_for("gs://b/o"), job) == line, why


LEFT = [
    (0.0, 600, "", "nothing is done yet"),
    (1.0, 600, "", "nothing is left"),
    (0.5, 0, "", "no time has passed"),
    (0.5, 40, "about 40 s left", "seconds"),
    (13 / 30, 2295, "about 50 min left", "minutes"),
    (0.25, 3600, "about 3.0 h left", "hours"),
]


@pytest.mark.parametrize(("share", "passed", "left", "why"), LEFT, ids=[case[3] for case in LEFT])
def test_how_long_the_rest_takes(share: float, passed: float, left: str, why: str) -> None:
    assert Pace(1000.0, share).left(1000.0 + passed) == left, why


def test_the_figures_come_first(fake: FakeVertex, said: list[str]) -> None:
    """Epoch, loss and time left, before what a terminal of 80 columns cuts."""
    curve = Losses(training=(LossPoint(40, 1.2061),), validation=(LossPoint(40, 1.3),))
    job = shown(
        state=WireState.JOB_STATE_RUNNING,
        start_time="2026-11-24T02:00:00Z",
        tuned_model=TunedModel(checkpoints=[TunedModelCheckpoint(epoch=1, step=40)]),
        experiment="projects/77/locations/us-central1/metadataStores/default/contexts/tuning-1",
    )
    line = progress.running(job, curve)
    assert line == "epoch 1/4, loss 1.21, validation loss 1.3"
    fake.clock.sleep(progress.pace(job).begun + 600 - fake.clock.time())  # type: ignore[union-attr]
    Waiting(fake.context_for("gs://b/o"), said.append).look_again(
        Observation(Phase.PENDING, {}, line, progress.pace(job))
    )
    assert said == [f"{line}, about 30 min left (waited 0 s)"]


def test_the_row_of_a_whole_tuning(fake: FakeVertex, declare: Declare, said: list[str]) -> None:
    assert MiniEngine().up(declare()).ok
    rows = [
        re.split(", | since ", line)[0]
        for line in said
        if line.startswith(("queued, ", "tuning since ", "epoch "))
    ]
    assert list(dict.fromkeys(rows)) == ["queued", "tuning"]
    assert "no jobs of this project ahead, in all regions, since 08:00:0" in " ".join(said)


def test_those_ahead_are_counted(fake: FakeVertex, declare: Declare, said: list[str]) -> None:
    fake.jobs.quota = 4
    fake.jobs.pending_seconds = 30.0
    for epochs, region in ((2, "us-central1"), (3, "europe-west4")):
        waits = declare(epochs=epochs, service={"name": f"in-{region}", "region": region, "wait": False})
        assert MiniEngine().up(waits).ok
        fake.clock.sleep(1)
    assert MiniEngine().up(declare()).ok
    assert any(", 2 jobs of this project ahead, in all regions" in line for line in said)


def test_those_behind_are_not(fake: FakeVertex, declare: Declare) -> None:
    fake.jobs.quota = 2
    fake.jobs.pending_seconds = 600.0
    engine = MiniEngine()
    assert engine.up(declare(service={"wait": False})).ok
    fake.clock.sleep(1)
    assert MiniEngine().up(declare(epochs=2, service={"name": "later", "wait": False})).ok
    engine.refresh()
    assert ", no jobs of this project ahead, in all regions" in engine.outputs("model")["reason"]


COUNTED = [
    ("us-central1", None, "1 job of this project ahead, in all regions", "the one in the same region"),
    ("europe-west4", None, "1 job of this project ahead, in all regions", "the quota is one for all regions"),
    (
        "europe-west4",
        PermissionMissing("no role to list"),
        "1 job of this project ahead (not checked: us-central1)",
        "a region that does not answer hides no other",
    ),
]


@pytest.mark.parametrize(("region", "refused", "told", "why"), COUNTED, ids=[case[3] for case in COUNTED])
def test_who_waits_for_the_quota_hears_how_many_have_it(
    fake: FakeVertex,
    declare: Declare,
    region: str,
    refused: PermissionMissing | None,
    told: str,
    why: str,
) -> None:
    other = declare(epochs=2, service={"name": "invoices", "wait": False, "region": region})
    assert MiniEngine().up(other).ok
    if refused:
        fake.fault("jobs.active", refused, nth=2)
    engine = MiniEngine()
    assert engine.up(declare(service={"wait": False})).ok
    reason = engine.outputs("job")["reason"]
    assert reason.startswith("waits in line: "), reason
    assert told in reason, why


def test_a_queue_that_cannot_be_counted_ends_no_wait(
    fake: FakeVertex, declare: Declare, said: list[str]
) -> None:
    fake.fault("jobs.active", PermissionMissing("no role to list"), times=None)
    assert MiniEngine().up(declare()).ok
    assert any(line.startswith("queued, since ") for line in said)


def test_the_line_does_not_change_by_itself(fake: FakeVertex) -> None:
    job = shown(state=WireState.JOB_STATE_RUNNING, start_time="2026-11-24T02:03:04Z")
    before = progress.of_job(fake.context_for("gs://b/o"), job)
    fake.clock.sleep(60)
    assert progress.of_job(fake.context_for("gs://b/o"), msgspec.structs.replace(job)) == before, (
        "it is an output: a refresh must not find drift in a clock"
    )


@pytest.mark.parametrize(
    ("price", "told"), [("", "price unknown"), ("USD 12.50", "about USD 12.50")], ids=["no book", "a book"]
)
def test_who_is_interrupted_hears_what_goes_on_costs(declare: Declare, price: str, told: str) -> None:
    wanted = {key: value for key, value in declare().declared["model"].items() if key != "price"}
    inputs = TunedModelInputs.model_validate({**wanted, "price": price})
    assert TunedModelProvider().running_cost(inputs) == f"is paid for to its end; {told}"
