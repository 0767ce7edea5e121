"""Staging tunes and tests, prod serves what came out: two stacks on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import BUCKET
from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.cli.app import app
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]


def in_prod(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same service with another output folder, under another name, so that its endpoint is another."""
    [service] = values["services"]
    tuning = {**service["tuning"], "reuse": "project"}
    served = {**service, "name": "tickets-prod", "retrain": "deny", "tuning": tuning, **changes}
    return {**values, "output_uri": f"gs://{BUCKET}/prod", "services": [served]}


def test_the_same_fingerprint_is_not_paid_for_twice_in_a_project(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    staging, vertex = workspace(values), connect(Connection(endpoint=emulator.url))
    prod = workspace(in_prod(values))
    tuned = staging.up()
    assert tuned.ok, tuned.text
    job, since = staging.outputs()["tickets"]["job"], emulator.admin.last_request()

    before = prod.preview()
    assert before.ok, before.text
    assert f"uses {job} of vertex-tuning/test/tickets, pays nothing" in before.text
    assert "starts a paid tuning" not in before.text
    assert prod.up().ok
    served = prod.outputs()["tickets-prod"]
    assert served["lineage"]["owner"] == "vertex-tuning/test/tickets", "who tuned it, not who reads it"
    assert served["settled"] is True
    assert served["job"] == job
    assert prod.resource("TuningJob")["owned"] is False
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0

    gone = staging.destroy()
    assert gone.ok, gone.text
    assert "kept: it is vertex-tuning/test/tickets-prod's from now on" in gone.text
    assert vertex.storage.listed(served["artifacts_uri"])
    assert prod.steps() == [], "and serves on"


def test_a_stack_serves_what_another_tuned_and_its_lineage_travels(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SHA", "a" * 40)
    staging, vertex = workspace(values), connect(Connection(endpoint=emulator.url))
    promoted = {"stack": "organization/vertex-tuning/test", "service": "tickets"}
    prod_values = {**values, "output_uri": f"gs://{BUCKET}/promoted"}
    prod = staging.beside("prod")
    prod.configure({**prod_values, "services": [{"name": "tickets-prod", "from_stack": promoted}]})
    too_early = prod.preview()
    assert not too_early.ok
    assert "stack organization/vertex-tuning/test has no service 'tickets'" in too_early.text
    assert "Traceback" not in too_early.text
    tuned = staging.up()
    assert tuned.ok, tuned.text
    since = emulator.admin.last_request()

    before = prod.preview()
    assert before.ok, before.text
    assert "of vertex-tuning/test/tickets, pays nothing" in before.text
    ran = prod.up()
    assert ran.ok, ran.text
    monkeypatch.setenv("GITHUB_SHA", "b" * 40)
    assert prod.steps() == [], "another commit changes nothing"
    served = prod.outputs()["tickets-prod"]
    assert staging.up().ok
    assert staging.outputs()["tickets"]["lineage"]["commit"] == "a" * 40, "it is the tuning's"
    assert served["lineage"] == staging.outputs()["tickets"]["lineage"], "and handed on as it is"
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0

    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", emulator.url)
    said = CliRunner().invoke(app, ["lineage", served["endpoint"]])
    assert said.exit_code == 0, said.output
    for part in (
        "100 %",
        "meta/llama3_1@llama-3.1-8b, FULL",
        "12 examples",
        "sha256:",
        served["job"],
        "a" * 40,
    ):
        assert part in said.output

    assert prod.destroy().ok
    assert vertex.storage.listed(served["artifacts_uri"]), "the owner's weights"
    assert staging.steps() == []


def test_a_reader_keeps_what_it_has_while_the_owner_tunes_anew_and_after_it(
    workspace: Make, values: dict[str, Any]
) -> None:
    """Its preview, its drift check and edits of its own are not held up by what goes on elsewhere."""
    [service] = values["services"]
    staging = workspace({**values, "services": [{**service, "wait": False}]})
    prod = staging.beside("prod")
    promoted = {"stack": "organization/vertex-tuning/test", "service": "tickets"}
    reads: dict[str, Any] = {"name": "tickets-prod", "from_stack": promoted}
    served = {**values, "output_uri": f"gs://{BUCKET}/promoted", "services": [reads]}
    prod.configure(served)
    assert staging.up().ok
    settling = "tickets of organization/vertex-tuning/test is not settled; finish its `up` first"
    early = prod.up()
    assert not early.ok, "it has nothing yet"
    assert settling in early.text

    while not staging.outputs()["tickets"]["settled"]:
        assert staging.up().ok
    assert prod.up().ok
    [job, weights] = (prod.outputs()["tickets-prod"][key] for key in ("job", "artifacts_uri"))
    tuning = {**service["tuning"], "epochs": service["tuning"].get("epochs", 1) + 1}
    staging.configure({**values, "services": [{**service, "wait": False, "tuning": tuning}]})
    assert staging.up().ok
    assert staging.outputs()["tickets"]["settled"] is False

    kept = f"{settling}; tickets-prod keeps its current weights, of {job}"
    for ran in (prod.preview(), prod.up()):
        assert ran.ok, ran.text
        assert kept in ran.text
        assert "replace" not in ran.text
    assert prod.outputs()["tickets-prod"]["artifacts_uri"] == weights
    prod.configure({**served, "services": [{**reads, "from_stack": {**promoted, "service": "other"}}]})
    assert not prod.preview().ok, "what it has is not from there"

    prod.configure(served)
    assert staging.destroy().ok
    gone = prod.preview()
    assert gone.ok, gone.text
    assert f"tickets-prod keeps its current weights, of {job}" in gone.text
