"""Requests to one location of a project stay below Vertex AI's quota, however many threads send them."""

import pytest
import requests

from vertex_emulator.request_rate import RequestRate
from vertex_emulator.store.projects import Project, ProjectSettings
from vertex_tuning.vertex.connection import REQUESTS_PER_MINUTE
from vertex_tuning.vertex.rate import BURST, Rate, SlowDown, place_of, slow_down

QUOTA = 600
HOST = "https://us-central1-aiplatform.googleapis.com"
PLACES = [
    (f"{HOST}/v1beta1/projects/p/locations/us-central1/endpoints/1?a=b", "us-central1"),
    (f"{HOST}/ui/projects/p/locations/us-central1/operations/1", "us-central1"),
    (f"{HOST}/v1beta1/projects/p/locations/us-central1:deploy", "us-central1"),
    (f"{HOST}/v1beta1/projects/p/locations/global/tuningJobs", "global"),
    (f"{HOST}/v1beta1/projects/123/locations/us-central1/operations/1", "us-central1"),
    ("https://storage.googleapis.com/storage/v1/b/x/o/projects", None),
    ("https://cloudbilling.googleapis.com/v1/projects/p/billingInfo", None),
]


@pytest.mark.parametrize(("url", "place"), PLACES)
def test_the_place_of_a_request_is_in_its_address(url: str, place: str | None) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize("per_minute", [30.0, 540.0])
def test_no_minute_has_more_requests_than_the_quota(per_minute: float) -> None:
    rate, sent = Rate(per_minute, 0.0), []
    for number in range(3000):
        now = number / 100  # many threads ask at once
        sent.append(now + rate.wait_for_one(now))
    most = max(sum(begin <= moment < begin + 60 for moment in sent) for begin in sent[::10])
    assert most <= min(QUOTA, per_minute + min(BURST, per_minute)) + 1
    assert sent[-1] > 60


@pytest.mark.evidence("quotas.requests", side="plugin")
@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_the_service_s_own_count_of_a_minute_refuses_none(at_once: int) -> None:
    """The embedded service counts as Google does, requests of the last minute; both go by one clock here."""
    service, rate, now = RequestRate(), Rate(REQUESTS_PER_MINUTE, 0.0), 0.0
    project = Project("p", 1, ProjectSettings(requests_per_minute=QUOTA))
    for _ in range(6000 // at_once):
        pauses = [rate.wait_for_one(now) for _ in range(at_once)]
        for pause in pauses:
            service.count(project, "us-central1", now + pause)
        now += max(pauses)
    assert now > 600 - 60, "as fast as it may: ten minutes for six thousand"


def test_a_few_requests_do_not_wait() -> None:
    rate = Rate(540.0, 0.0)
    assert [rate.wait_for_one(0.0) for _ in range(BURST)] == [0.0] * BURST


def test_all_requests_of_a_session_are_bound() -> None:
    session = requests.Session()
    slow_down(session, 540.0)
    assert isinstance(session.get_adapter(HOST), SlowDown)
    assert isinstance(session.get_adapter("http://127.0.0.1:1"), SlowDown)
