"""An output of another resource where a plain value belongs is refused in words that say what to pass."""

from typing import Any

import pytest
from pulumi import Output

from vertex_tuning.arguments import parse, read_datasets

TUNING = {"base_model": "meta/llama3_1@llama-3.1-8b", "mode": "FULL", "training_data": "gs://bucket/x.jsonl"}
SERVICE = {
    "name": "tickets",
    "project": "acme-search-dev",
    "region": "us-central1",
    "output_uri": "gs://bucket/models",
    "tuning": TUNING,
}


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"project": Output.from_input("p")}, ["project"]),
        ({"output_uri": Output.concat("gs://", "b", "/m")}, ["output_uri"]),
        ({"tuning": {**TUNING, "training_data": Output.from_input("x")}}, ["tuning.training_data"]),
        (
            {"labels": {"team": Output.from_input("x")}, "region": Output.from_input("r")},
            ["labels.team", "region"],
        ),
        ({"tuning": Output.from_input(TUNING)}, ["tuning"]),
    ],
)
def test_an_output_is_named_with_its_place(changes: dict[str, Any], places: list[str]) -> None:
    spec, problems = parse({**SERVICE, **changes})
    assert spec is None
    assert sorted(mistake.path for mistake in problems) == places
    assert all("is an output of another resource" in mistake.problem for mistake in problems)
    assert all("Pass a plain value" in mistake.problem for mistake in problems)
    assert read_datasets({**SERVICE, **changes}["tuning"]) == ({}, [])
