"""What `status` makes of a stack's state, the live tuning job and the live endpoint."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from vertex_tuning.catalog import TuningMode
from vertex_tuning.cli.states import Deployment, Pending, Resource
from vertex_tuning.cli.status import Row, Stage, _table, row, services, stage
from vertex_tuning.names import TYPES
from vertex_tuning.pricing import find_book
from vertex_tuning.vertex.client import Checkpoint, Deployed, Endpoint, Job, JobState, Losses, LossPoint
from vertex_tuning.vertex.errors import PermissionMissing

JOB = "projects/p/locations/us-central1/tuningJobs/7"
ENDPOINT = "projects/p/locations/us-central1/endpoints/vt-tickets-1"
RUNNING = Job(
    name=JOB,
    state=JobState.RUNNING,
    base_model="meta/llama3_1@llama-3.1-8b",
    output_uri="gs://b/o",
    mode=TuningMode.FULL,
    epochs=30,
    labels={},
    reason=None,
    created="2026-11-24T02:00:00Z",
    started="2026-11-24T02:00:00Z",
    ended="",
    checkpoint=Checkpoint(13, 40),
    experiment="e",
)
STARTED = 1795485600.0
SERVING = Endpoint(
    name=ENDPOINT,
    display_name="",
    labels={},
    deployed=tuple(
        Deployed(
            id=id_,
            model=f"projects/p/locations/us-central1/models/vt-{id_}",
            machine_type="g2-standard-12",
            accelerator_type="NVIDIA_L4",
            accelerator_count=1,
            min_replicas=1,
            max_replicas=2,
            autoscaling_target=None,
            spot=False,
        )
        for id_ in ("old", "new")
    ),
    traffic={"old": 90, "new": 10},
)


def resource(kind: str, phase: str = "ready", **outputs: Any) -> Resource:
    values = {"service": "tickets", "phase": phase, **outputs}
    return Resource(f"{TYPES}{kind}", f"urn:{kind}", outputs=values)


def pending(kind: str) -> Pending:
    return Pending(Resource(f"{TYPES}{kind}", f"urn:{kind}", inputs={"service": "tickets"}), "creating")


TUNED = [resource("Readiness"), resource("TuningJob", job=JOB), resource("TunedModel", job=JOB)]
DEPLOYED = [*TUNED, resource("Endpoint", endpoint=ENDPOINT), resource("DeployedModel", endpoint=ENDPOINT)]


def ended(state: JobState) -> Job:
    return msgspec.structs.replace(RUNNING, state=state)


STAGES: list[tuple[list[Resource], list[Pending], Job | None, Endpoint | None, Stage, str]] = [
    ([], [pending("Readiness")], None, None, Stage.PREPARING, "the first operation of a first `up`"),
    (TUNED[:1], [pending("Endpoint")], None, None, Stage.PREPARING, "an endpoint comes before its model"),
    (TUNED[:2], [pending("TunedModel")], ended(JobState.WAITING), None, Stage.QUEUED, "no quota yet"),
    (TUNED[:2], [pending("TunedModel")], RUNNING, None, Stage.TUNING, "the job runs"),
    (DEPLOYED, [pending("TunedModel")], RUNNING, SERVING, Stage.TUNING, "an edit tunes while the old serves"),
    (
        TUNED[:2],
        [pending("TunedModel")],
        ended(JobState.SUCCEEDED),
        None,
        Stage.TUNED,
        "not in the state yet",
    ),
    (TUNED, [], ended(JobState.SUCCEEDED), None, Stage.TUNED, "a service that serves nothing"),
    (TUNED, [pending("DeployedModel")], ended(JobState.SUCCEEDED), None, Stage.DEPLOYING, "machines start"),
    (DEPLOYED, [], ended(JobState.SUCCEEDED), SERVING, Stage.SERVING, "it answers"),
    (DEPLOYED, [], None, SERVING, Stage.SERVING, "given weights: no job"),
    (
        DEPLOYED,
        [],
        None,
        msgspec.structs.replace(SERVING, deployed=()),
        Stage.DEPLOYING,
        "the state says ready, but somebody has undeployed it",
    ),
    (TUNED, [], ended(JobState.FAILED), None, Stage.FAILED, "the job failed"),
    ([*TUNED[:2], resource("TunedModel", "lost")], [], None, None, Stage.LOST, "job and weights are gone"),
    (
        [*TUNED, resource("DeployedModel", "blocked")],
        [],
        ended(JobState.SUCCEEDED),
        None,
        Stage.DEPLOYING,
        "wait: false",
    ),
]


@pytest.mark.parametrize(
    ("resources", "under_way", "job", "endpoint", "phase", "why"), STAGES, ids=[case[5] for case in STAGES]
)
def test_phases(
    resources: list[Resource],
    under_way: list[Pending],
    job: Job | None,
    endpoint: Endpoint | None,
    phase: Stage,
    why: str,
) -> None:
    [service] = services(Deployment(tuple(resources), tuple(under_way)))
    assert stage(service, job, endpoint) is phase, why


class Live:
    """The two calls that a look makes."""

    def __init__(self, job: Job | None, endpoint: Endpoint | None, refused: Exception | None = None) -> None:
        self.jobs = self.serving = self
        self._job, self._endpoint, self._refused = job, endpoint, refused

    def get(self, _name: str) -> Job | None:
        if self._refused:
            raise self._refused
        return self._job

    def losses(self, _experiment: str) -> Losses:
        return Losses(training=(LossPoint(40, 1.2061),))

    def endpoint(self, _name: str) -> Endpoint | None:
        return self._endpoint


def shown(resources: list[Resource], live: Live) -> Row:
    [service] = services(Deployment(tuple(resources)))
    return row(live, service, find_book(None, Path()), STARTED + 2295)  # type: ignore[arg-type]


def test_a_row_while_an_edit_is_tuned() -> None:
    found = shown(DEPLOYED, Live(RUNNING, SERVING))
    assert found.progress == "epoch 13/30, loss 1.21, about 50 min left"
    assert (found.model, found.traffic) == (
        "projects/p/locations/us-central1/models/vt-old",
        {
            "projects/p/locations/us-central1/models/vt-old": 90,
            "projects/p/locations/us-central1/models/vt-new": 10,
        },
    )
    assert found.hourly == "2.30 to 4.60 USD", "both models bill"
    cells = [list(column.cells) for column in _table("search-dev", [found]).columns]
    assert cells[3] == ["vt-old 90 %\nvt-new 10 %"]


def test_what_google_does_not_answer_leaves_what_the_state_says() -> None:
    found = shown(DEPLOYED, Live(None, None, PermissionMissing("the caller lacks aiplatform.tuningJobs.get")))
    assert (found.phase, found.endpoint) == (Stage.SERVING, ENDPOINT)
    assert found.progress == "not checked: the caller lacks aiplatform.tuningJobs.get"
