"""The command line: exit codes and one-line errors."""

import pytest
from typer.testing import CliRunner

from vertex_tuning.cli import app

RUN = CliRunner()

WRONG = [
    ([], 2, "Usage", "no command: the help"),
    (
        ["predict", "endpoints/1", "--prompt", "x"],
        2,
        "projects/PROJECT",
        "a short name says neither project nor region",
    ),
    (["predict", "projects/p/locations/r/endpoints/e"], 2, "--prompt", "nothing to ask"),
    (
        ["predict", "projects/p/locations/r/endpoints/e", "-p", "x", "--max-tokens", "0"],
        2,
        "max-tokens",
        "no answer fits",
    ),
    (["validate", "nowhere.jsonl"], 1, "nowhere.jsonl", "a file that is not there"),
    (["doctor"], 2, "nowhere to look", "neither an export nor a place"),
    (["doctor", "nowhere.json"], 2, "nowhere.json", "an export that is not there"),
    (["doctor", "--output-uri", "bucket/out"], 2, "gs://", "a folder is written with gs://"),
    (["reconcile"], 2, "stack", "which stack?"),
    (["reconcile", "dev", "--deadline", "6"], 2, "90s", "a duration without its unit"),
    (["reconcile", "dev", "--until", "tired"], 2, "settled", "no such end"),
    (["unknown"], 2, "unknown", "no such command"),
]


@pytest.mark.parametrize(("arguments", "status", "said", "why"), WRONG, ids=[case[3] for case in WRONG])
def test_wrong_usage(arguments: list[str], status: int, said: str, why: str) -> None:
    ran = RUN.invoke(app, arguments)
    assert ran.exit_code == status, why
    assert said in ran.output, why
    assert "Traceback" not in ran.output


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("vertex_tuning.vertex.retry.ATTEMPTS", 1)
    ran = RUN.invoke(app, ["predict", "projects/p/locations/r/endpoints/e", "--prompt", "x"])
    assert ran.exit_code == 1
    [line] = ran.output.splitlines()
    assert line.startswith("error: projects/p/locations/r/endpoints/e: no answer from Google")
