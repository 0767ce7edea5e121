"""What is allowed, what a service inherits, and which Vertex AI a stack is for."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import REPOSITORY as ROOT
from tests.support.stack_values import load, problems, service, stack
from vertex_tuning.stack import Stack
from vertex_tuning.vertex.connection import ENDPOINT

EMBEDDED = {ENDPOINT: "http://127.0.0.1:1"}

ALLOWED: list[tuple[dict[str, Any], str]] = [
    ({"output_uri": "gs://test-bucket"}, "a whole bucket"),
    ({"output_uri": "gs://test-bucket/"}, "as the console shows it"),
    ({"output_uri": "gs://test-bucket/models//"}, "slashes at the end say nothing"),
    ({"name": "t"}, "a name of one letter"),
    ({"project": "example.com:my-project"}, "a project of a domain"),
    ({"serving": {"reservation": "projects/p/zones/us-central1-a/reservations/r"}}, "a reservation"),
]


@pytest.mark.parametrize(("written", "why"), ALLOWED, ids=[case[1] for case in ALLOWED])
def test_what_google_allows_is_allowed(data: Path, written: dict[str, Any], why: str) -> None:
    [declared] = load(stack(data, {**service(data), **written})).services
    assert not declared.spec.output_uri.endswith("/"), why


def test_an_embedded_stack_needs_the_embedded_service(data: Path) -> None:
    [found] = problems(stack(data, service(data), target="embedded"))
    assert found.startswith("target: "), "it would tune on Google Cloud"


def test_a_stack_for_google_refuses_the_embedded_service(data: Path) -> None:
    [found] = problems(stack(data, service(data)), EMBEDDED)
    assert found.startswith("target: "), "it would believe that prod is up"


def test_what_a_service_inherits(data: Path) -> None:
    found: Stack = load(
        stack(data, service(data, labels={"a": "b"}), labels={"cost": "c"}, wait=False, protect=True),
    )
    [declared] = found.services
    assert declared.spec.region == "us-central1"
    assert declared.spec.labels == {"team": "tests", "environment": "dev", "cost": "c", "a": "b"}
    assert (declared.spec.wait, declared.spec.protect, declared.spec.check_in_preview) == (False, True, True)


def test_prerequisites_that_the_same_up_makes_are_not_looked_for_in_preview(data: Path) -> None:
    [declared] = load(stack(data, service(data), prerequisites="manage")).services
    assert declared.spec.check_in_preview is False


def test_paths_are_relative_to_the_repository_and_not_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "infra")
    written = {
        "name": "one",
        "tuning": {
            "base_model": "meta/llama3_1@llama-3.1-8b",
            "mode": "FULL",
            "training_data": "data/tickets-train.jsonl",
        },
    }
    [declared] = load(stack(tmp_path, written, environment="none"), root=ROOT).services
    assert declared.spec.tuning is not None
    assert declared.spec.tuning.training_data == "../data/tickets-train.jsonl"
