"""A name that somebody else wrote never becomes the address that gets the deployer's token."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import stamina
from google.oauth2.credentials import Credentials

from tests.support.declared import BUCKET, OUTPUT
from tests.support.fake import FakeVertex
from tests.support.hosts import foreign, recorded
from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.claim import Claim
from vertex_tuning.vertex.connection import host_of, region_of
from vertex_tuning.vertex.errors import InvalidRequest, VertexError

TOKEN = "secret"  # noqa: S105 - it opens nothing


@pytest.fixture(autouse=True)
def _signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "credentials", lambda _: Credentials(token=TOKEN))  # type: ignore[no-untyped-call]


PLACES = {
    "a port and a fragment": "evil.example:8443#",
    "a fragment": "evil.example#",
    "a path": "evil.example/",
    "user information": "me@evil.example",
    "a query": "evil.example?",
    "a backslash": "evil.example\\",
    "only a host": "evil.example",
    "a line end after a region": "us-central1\n",
    "an encoded slash": "evil.example%2f",
    "upper case": "US-CENTRAL1",
    "nothing": "",
    "another alphabet": "\u0435u-west1",
    "a dot": "us-central1.evil-1",
}
CALLS: dict[str, Callable[[Vertex, str], object]] = {
    "a job": lambda vertex, place: vertex.jobs.get(f"projects/p/locations/{place}/tuningJobs/1"),
    "its cancel": lambda vertex, place: vertex.jobs.cancel(f"projects/p/locations/{place}/tuningJobs/1"),
    "a list of jobs": lambda vertex, place: vertex.jobs.labelled("p", place, {}),
    "an endpoint": lambda vertex, place: vertex.serving.endpoint(f"projects/p/locations/{place}/endpoints/1"),
    "a model": lambda vertex, place: vertex.serving.delete_model(f"projects/p/locations/{place}/models/1"),
    "an operation": lambda vertex, place: vertex.serving.operation(
        f"projects/p/locations/{place}/operations/1"
    ),
    "operations": lambda vertex, place: vertex.serving.under_way(f"projects/p/locations/{place}/endpoints/1"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_host_is_made_of_it(place: str, call: Callable[[Vertex, str], object]) -> None:
    with recorded(answered=False) as hosts, stamina.set_testing(True), pytest.raises(InvalidRequest):
        call(connect(Connection()), place)
    assert set(hosts) <= {"127.0.0.1:1"}, "an earlier test's storage client may still look for its bucket"


LEGAL = {
    "us-central1": "us-central1-aiplatform.googleapis.com",
    "northamerica-northeast2": "northamerica-northeast2-aiplatform.googleapis.com",
    "europe-west12": "europe-west12-aiplatform.googleapis.com",
    "global": "aiplatform.googleapis.com",
}


@pytest.mark.parametrize("place", LEGAL)
def test_a_region_is_served_by_its_own_host_and_global_by_the_common_one(place: str) -> None:
    assert host_of(place) == LEGAL[place]
    assert region_of(f"projects/123456789012/locations/{place}/models/m@1") == place


GOOD = Claim(id="c", owner="p/dev/tickets", token="t", at=1.0)  # noqa: S106 - it opens nothing
JOB = "projects/p/locations/us-central1/tuningJobs/1"
UNFIT: dict[str, dict[str, Any]] = {
    "a resource on a host": {"resource": "projects/p/locations/evil.example:1#/tuningJobs/1"},
    "a resource of another kind": {"resource": "projects/p/locations/us-central1/keys/1"},
    "a resource with a line end": {"resource": f"{JOB}\n"},
    "a resource that climbs": {"resource": "projects/p/locations/us-central1/tuningJobs/../../x"},
    "an operation on a host": {"operation": "projects/p/locations/evil.example#/operations/1"},
    "an operation that is a word": {"operation": "started"},
    "a place on a host": {"place": "projects/p/locations/evil.example#"},
    "a failed job on a host": {"failed": ["projects/p/locations/evil.example#/tuningJobs/1"]},
    "weights elsewhere": {"weights": "https://evil.example/weights"},
    "weights with a wildcard": {"reads": "gs://bucket/*"},
    "a folder with a generation": {"folders": ["gs://bucket/x#1"]},
    "a copy elsewhere": {"pinned": {"gs://bucket/a": "file:///etc/passwd"}},
    "an id that ends a filter": {"id": 'x" OR labels.a="b'},
    "an owner in two lines": {"owner": "me\n::error::you"},
    "an owner in colour": {"owner": "\x1b[31mme"},
    "a heir without an owner": {"heirs": [{"token": "t"}]},
    "a time that no calendar has": {"deadline": 1e300},
    "a negative time": {"ending": -1},
    "a score of two": {"verdict": {"score": 2, "n": 1, "threshold": 1}},
    "too many heirs": {"heirs": [{"owner": "o", "token": "t"}] * 1001},
}


@pytest.mark.parametrize("change", UNFIT.values(), ids=UNFIT)
def test_a_claim_of_another_form_is_not_read(change: dict[str, Any]) -> None:
    fake = FakeVertex(BUCKET)
    written = {**msgspec.to_builtins(GOOD), **change}
    fake.storage.put(f"{OUTPUT}/.claims/TuningJob/f.json", msgspec.json.encode(written))
    with pytest.raises(VertexError, match="cannot be read"):
        fake.context_for(OUTPUT).claims.read("TuningJob/f", "t")


FIT: dict[str, dict[str, Any]] = {
    "a project's number": {"resource": "projects/123456789012/locations/us-central1/tuningJobs/5555"},
    "a job anywhere": {"resource": "projects/p/locations/global/tuningJobs/5555", "place": "projects/p/locations/global"},
    "a model's version": {"resource": "projects/1/locations/europe-west4/models/99@1"},
    "an operation below an endpoint": {"operation": "projects/1/locations/us-east5/endpoints/2/operations/3"},
    "an operation of a place": {"operation": "projects/1/locations/us-east5/operations/3"},
    "an operation that is being started": {"operation": "starting"},
    "a project of a domain": {"place": "projects/acme.example:tuning/locations/us-central1"},
    "a bucket alone": {"folders": ["gs://bucket"]},
    "a name with blanks": {"pinned": {"gs://bucket/my data.jsonl": "gs://bucket/out/datasets/0-1.jsonl"}},
}  # fmt: skip


@pytest.mark.parametrize("change", FIT.values(), ids=FIT)
def test_what_google_writes_is_read(change: dict[str, Any]) -> None:
    fake = FakeVertex(BUCKET)
    written = {**msgspec.to_builtins(GOOD), **change}
    fake.storage.put(f"{OUTPUT}/.claims/TuningJob/f.json", msgspec.json.encode(written))
    held = fake.context_for(OUTPUT).claims.read("TuningJob/f", "t")
    assert held is not None
    assert msgspec.json.decode(msgspec.json.encode(held.claim)) == msgspec.json.decode(
        msgspec.json.encode(written)
    )


def test_what_is_asked_at_google_goes_to_google() -> None:
    with recorded(answered=False) as hosts, stamina.set_testing(True):
        for place in LEGAL:
            for call in CALLS.values():
                with pytest.raises(VertexError):
                    call(connect(Connection()), place)
    assert hosts
    # An earlier test's storage client may still look for its bucket, in a thread of its own.
    assert not foreign(hosts, "127.0.0.1:1")
