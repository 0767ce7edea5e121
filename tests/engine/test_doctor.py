"""`vertex-tuning doctor` finds what no stack holds, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from tests.support.emulator import RunningEmulator
from tests.support.stack import Ran, Workspace
from vertex_tuning.cli.app import app

pytestmark = pytest.mark.engine


def test_what_a_lost_state_leaves_behind(
    workspace: Callable[..., Workspace],
    values: dict[str, Any],
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = "doctor-project"
    stack = workspace({**values, "project": project})
    ran = stack.up()
    assert ran.ok, ran.text
    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", emulator.url)
    held, lost = tmp_path / "held.json", tmp_path / "lost.json"
    held.write_text(stack.run("stack", "export").text)
    lost.write_text('{"version": 3, "deployment": {"resources": []}}')

    def doctor(*arguments: str | Path) -> tuple[int, str]:
        looked = CliRunner().invoke(app, ["doctor", *(str(argument) for argument in arguments)])
        return looked.exit_code, looked.output

    question = stack.cli("predict", "tickets", "--stack", "@", "-p", "Ticket: hello\nTeam:")
    assert question.ok, "a service's name is enough"
    assert question.text.strip()
    assert "lineage" not in stack.cli("lineage", "tickets", "--stack", "@").text
    assert stack.cli("lineage", "other", "--stack", "@") == Ran(
        1, "error: test has no service other. Its services: tickets\n"
    )

    nothing = (0, "No unmanaged resources found.\n")
    assert doctor(held) == nothing, "where to look is in the export"
    lost_place = (lost, "--project", project, "--region", "us-central1", "--output-uri", values["output_uri"])
    status, output = doctor(*lost_place, "--json")
    assert status == 1
    found = msgspec.json.decode(output)
    kinds = [orphan["kind"] for orphan in found]
    assert kinds[0] == "deployed model", "what bills comes first"
    assert sorted(set(kinds)) == ["claim", "deployed model", "endpoint", "model"]
    assert "g2-standard-12" in found[0]["bills"]
    claims = [orphan for orphan in found if orphan["kind"] == "claim"]
    assert {claim["name"].split("/.claims/")[1].partition("/")[0] for claim in claims} >= {
        "TuningJob",
        "TunedModel",
        "Endpoint",
        "DeployedModel",
    }
    assert {claim["owner"] for claim in claims} == {"vertex-tuning/test/tickets"}
    printed = doctor(*lost_place)[1]
    assert "claim of projects/" in printed
    assert "Together they cost 1.15 USD an hour (list price of 2026-07-08)." in " ".join(printed.split())
    book = tmp_path / "book.json"
    book.write_text(
        '{"rows": [{"what": "node, 1 hour", "machine_type": "g2-standard-12", "region": "us-central1", '
        '"price": "1.5", "currency": "USD", "date": "2026-01-31", "source": "made up"}]}'
    )
    assert "Together they cost 1.50 USD an hour." in doctor(*lost_place, "--prices", book)[1]

    status, output = doctor("--output-uri", "gs://no-such-bucket/out")
    assert (status, "the bucket does not exist" in output) == (1, True), (
        "a slip of the pen is not a clean bill of health"
    )

    assert stack.destroy().ok
    assert doctor(*lost_place) == nothing, "destroy leaves a claim that keeps the weights, and it is nobody's"
