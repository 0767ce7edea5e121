"""Requests to one location of a project stay below Vertex AI's quota, however many threads send them."""

import pytest
import requests

from vertex_tuning.vertex.rate import BURST, Rate, SlowDown, place_of, slow_down

QUOTA = 600
HOST = "https://us-central1-aiplatform.googleapis.com"
PLACES = [
    (f"{HOST}/v1beta1/projects/p/locations/us-central1/endpoints/1?a=b", "projects/p/locations/us-central1"),
    (f"{HOST}/ui/projects/p/locations/us-central1/operations/1", "projects/p/locations/us-central1"),
    (f"{HOST}/v1beta1/projects/p/locations/us-central1:deploy", "projects/p/locations/us-central1"),
    (f"{HOST}/v1beta1/projects/p/locations/global/tuningJobs", "projects/p/locations/global"),
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


def test_a_few_requests_do_not_wait() -> None:
    rate = Rate(540.0, 0.0)
    assert [rate.wait_for_one(0.0) for _ in range(BURST)] == [0.0] * BURST


def test_all_requests_of_a_session_are_bound() -> None:
    session = requests.Session()
    slow_down(session, 540.0)
    assert isinstance(session.get_adapter(HOST), SlowDown)
    assert isinstance(session.get_adapter("http://127.0.0.1:1"), SlowDown)
