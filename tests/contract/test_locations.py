"""Tuning at `global` and in regions, of every Vertex."""

import pytest

from tests.contract.conftest import REGION, Backend
from tests.contract.test_contract import put_rows, request
from vertex_tuning.catalog import GLOBAL, tuning_locations
from vertex_tuning.vertex.client import Job, counted_once
from vertex_tuning.vertex.errors import FailedPrecondition

KEY = f"projects/p/locations/{REGION}/keyRings/r/cryptoKeys/k"


@pytest.fixture(scope="module")
def data(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> str:
    return put_rows(backend, tmp_path_factory.mktemp("data"), "global.jsonl", 8)


def idle(backend: Backend) -> bool:
    return not any(backend.vertex.jobs.active(backend.project, place) for place in tuning_locations())


@pytest.mark.evidence("jobs.global-makes-a-regional-job", side="plugin")
def test_a_job_at_global_is_found_there_counted_once_and_cancelled(backend: Backend, data: str) -> None:
    jobs, asked = backend.vertex.jobs, request(backend, data)
    backend.until(lambda: idle(backend))
    job = jobs.create(backend.project, GLOBAL, asked)
    assert job.name.split("/")[3] == GLOBAL
    assert job.base_model == asked.base_model, "in whichever form it comes back"
    assert [found.name for found in jobs.labelled(backend.project, GLOBAL, dict(asked.labels))] == [job.name]

    def everywhere() -> list[Job]:
        places = tuning_locations()
        return [
            each for place in places for each in jobs.labelled(backend.project, place, dict(asked.labels))
        ]

    backend.until(lambda: len(everywhere()) == 2)
    assert [each.name for each in counted_once(everywhere())] == [job.name]

    jobs.cancel(job.name)
    backend.until(lambda: idle(backend))


@pytest.mark.evidence("jobs.global-without-cmek", side="plugin")
def test_a_key_is_refused_at_global_alone(backend: Backend, data: str) -> None:
    backend.until(lambda: idle(backend))
    with pytest.raises(FailedPrecondition):
        backend.vertex.jobs.create(backend.project, GLOBAL, request(backend, data, kms_key=KEY))
