"""A list that never ends is an error, whichever list it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stamina

from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.errors import Transient
from vertex_tuning.vertex.prices import list_skus

PLACE = "projects/p/locations/us-central1"
LISTS: dict[str, Callable[[Vertex], object]] = {
    "jobs": lambda vertex: vertex.jobs.labelled("p", "us-central1", {}),
    "endpoints": lambda vertex: vertex.serving.endpoints("p", "us-central1"),
    "models": lambda vertex: vertex.serving.models("p", "us-central1"),
    "operations": lambda vertex: vertex.serving.under_way(f"{PLACE}/endpoints/e"),
    "objects": lambda vertex: vertex.storage.listed("gs://bucket/out"),
    "quotas": lambda vertex: vertex.project.tuning_quota("p"),
    "prices": lambda _: list_skus(Connection(endpoint="http://127.0.0.1:1"), ["C7E2"], "USD"),
}


@pytest.mark.parametrize("lists", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]], ids=["at once", "in a circle"])
def test_the_same_page_twice_ends_a_list_with_an_error(
    lists: Callable[[Vertex], object], tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answered(_session: object, _method: str, url: str, **_options: Any) -> requests.Response:
        assert len(asked) < 20, "it does not end"
        asked.append(url)
        answer = requests.Response()
        answer.status_code = 200
        answer._content = json.dumps({"nextPageToken": tokens[(len(asked) - 1) % len(tokens)]}).encode()
        answer.headers["Content-Type"] = "application/json"
        answer.request = requests.Request("GET", url).prepare()
        return answer

    monkeypatch.setattr(requests.Session, "request", answered)
    with stamina.set_testing(True), pytest.raises(Transient, match="named the same page twice"):
        lists(connect(Connection(endpoint="http://127.0.0.1:1")))
