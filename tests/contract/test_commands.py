"""Every command run: its exit code, JSON on standard output alone, everything else beside it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import BUCKET
from tests.support.emulator import RunningEmulator
from tests.support.stack import REPOSITORY
from vertex_tuning.cli.app import COMMANDS
from vertex_tuning.cli.ui import Exit
from vertex_tuning.vertex import Connection, connect

CLEAN, LEFT, NOBODY = (
    "p-commands-clean",
    "p-commands-left",
    "projects/p-commands/locations/us-central1/endpoints/1",
)
BASE = "meta/llama3_1@llama-3.1-8b"
NEW = ("--team", "ads", "--env", "dev", "--project", "acme-ads-dev", "--region", "us-central1", "--root")
PLACE = ("--region", "us-central1")

RUNS = [
    (["validate", "good.jsonl"], Exit.OK, "data that can be used"),
    (["validate", "bad.jsonl"], Exit.FAILED, "data that cannot"),
    (["predict", NOBODY, "-p", "hello"], Exit.FAILED, "no such endpoint"),
    (["lineage", NOBODY], Exit.FAILED, "nothing is served there"),
    (["doctor", "--project", CLEAN, *PLACE], Exit.OK, "nothing left behind"),
    (["doctor", "--project", LEFT, *PLACE], Exit.FAILED, "an endpoint that no stack holds"),
    (["doctor", "empty.json", "--output-uri", f"gs://{BUCKET}/none"], Exit.OK, "no claim in the folder"),
    (
        ["doctor", "--output-uri", "gs://no-such-bucket/x"],
        Exit.FAILED,
        "nowhere to look is not nothing found",
    ),
    (["prices", "show"], Exit.OK, "the list prices of the package"),
    (["prices", "show", "--file", "nowhere.json"], Exit.FAILED, "no book"),
    (["prices", "refresh", "--region", "us-centrall"], Exit.USAGE, "a region that is none"),
    (["schema"], Exit.OK, "the schema of stack files"),
    (["weights", "check", "nowhere", "--base-model", BASE], Exit.FAILED, "no such folder"),
    (["init", *NEW, "made"], Exit.OK, "a new stack file"),
    (["reconcile", "dev", "--deadline", "soon"], Exit.USAGE, "a deadline without a unit"),
    (["doctor"], Exit.USAGE, "neither an export nor a place"),
]
ASK_GOOGLE = ("predict", "lineage", "doctor")
WITH_THE_ENGINE = {"reconcile": "test_reconcile.py", "report": "test_report.py", "status": "test_signals.py"}


@pytest.fixture(scope="module")
def left(emulator: RunningEmulator) -> str:
    """An endpoint with an id of ours, as a killed run leaves it."""
    name = f"projects/{LEFT}/locations/us-central1/endpoints/vt-left-behind"
    connect(Connection(endpoint=emulator.url)).serving.create_endpoint(name, "left", {}, None, None)
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.jsonl").write_text('{"prompt": "a", "completion": " b"}\n')
    (tmp_path / "bad.jsonl").write_text("no\n")
    (tmp_path / "empty.json").write_text('{"version": 3, "deployment": {}}')
    for made in ("made", "made-json"):
        (tmp_path / made / "stacks").mkdir(parents=True)
        (tmp_path / made / "Pulumi.yaml").write_text((REPOSITORY / "Pulumi.yaml").read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "why"), RUNS, ids=[f"{case[0][0]}: {case[2]}" for case in RUNS]
)
def test_exit_codes_and_json(
    emulator: RunningEmulator, left: str, folder: Path, arguments: list[str], status: Exit, why: str
) -> None:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        code = "from vertex_tuning.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=folder,
            env={
                "PYTHONPATH": ":".join(sys.path),
                "HOME": str(folder),
                "VERTEX_TUNING_ENDPOINT": emulator.url,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    plain = run(*arguments)
    parsed = run(*(word.replace("made", "made-json") for word in arguments), "--json")
    for ran in (plain, parsed):
        assert ran.returncode == status, (why, ran.stdout, ran.stderr)
        assert "Traceback" not in ran.stderr, why
        assert "\x1b" not in ran.stdout + ran.stderr, "no terminal, no colour"
    if parsed.stdout:
        json.loads(parsed.stdout)
    else:
        assert status is not Exit.OK, "a success says what came of it"
    if status is Exit.FAILED and arguments[0] in ASK_GOOGLE and not parsed.stdout:
        [line] = parsed.stderr.splitlines()
        assert line.startswith("error: "), "one line, and nothing else"


def test_every_command_is_in_the_table() -> None:
    assert {command.name for command in COMMANDS} <= {case[0][0] for case in RUNS} | set(WITH_THE_ENGINE)
    for file in WITH_THE_ENGINE.values():
        assert '"--json"' in (REPOSITORY / "tests" / "engine" / file).read_text()
