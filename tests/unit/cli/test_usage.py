"""The command line: exit codes and one-line errors."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vertex_tuning.cli.app import app

RUN = CliRunner()
ENDPOINT = "projects/p/locations/us-central1/endpoints/e"
BASE = "meta/llama3_1@llama-3.1-8b"

WRONG = [
    ([], 2, "Usage", "no command: the help"),
    (
        ["predict", "endpoints/1", "--prompt", "x"],
        2,
        "projects/PROJECT",
        "a short name says neither project nor region",
    ),
    (["predict", "projects/p/locations/us-central1/endpoints/e"], 2, "--prompt", "the prompt is empty"),
    (
        ["predict", "projects/p/locations/us-central1/endpoints/e", "-p", "x", "--max-tokens", "0"],
        2,
        "max-tokens",
        "no answer fits",
    ),
    (["validate", "nowhere.jsonl"], 1, "nowhere.jsonl", "a file that is not there"),
    (["doctor"], 2, "nothing to search", "neither an export nor a place"),
    (["doctor", "nowhere.json"], 2, "nowhere.json: No such file", "an export that is not there"),
    (["doctor", "."], 2, ".: Is a directory", "a folder is no export"),
    (["doctor", "/dev/null"], 2, "not what `pulumi stack export` prints", "an empty export"),
    (["doctor", "--output-uri", "bucket/out"], 2, "gs://", "a folder is written with gs://"),
    (["doctor", "--output-uri", "gs:///x"], 2, "gs://BUCKET/PATH", "no bucket"),
    (["doctor", "--project", "", "--region", "us-central1"], 2, "a project id", "a variable that is not set"),
    (["doctor", "--project", "acme-a/b", "--region", "us-central1"], 2, "a project id", "not a project"),
    (["doctor", "--project", "acme-a", "--region", "us-centrl1"], 2, "did you mean us-central1", "a region"),
    (["lineage", "projects/../locations/us-central1/endpoints/e"], 2, "projects/PROJECT", "no way up"),
    (["lineage", "projects/p/locations/r/endpoints/a b?c"], 2, "projects/PROJECT", "no id"),
    (["predict", ENDPOINT, "-p", ""], 2, "the prompt is empty", "an empty prompt"),
    (["predict", ENDPOINT, "-p", "-"], 2, "the prompt is empty", "nobody typed anything"),
    (["predict", ENDPOINT, "-p", "x", "--top-k", "-9"], 2, "--top-k", "fewer than none"),
    (["report", "nowhere.json"], 1, "error: nowhere.json: No such file", "a preview that is not there"),
    (["report", "."], 1, "error: .: Is a directory", "a folder is no preview"),
    (["prices", "show", "--file", "no.json"], 1, "prices refresh --file no.json", "what writes the book"),
    (["prices", "show", "--file", "."], 1, "error: .: Is a directory\n", "a refresh would not mend it"),
    (["prices", "show", "--file", "/dev/null"], 1, "is no price book", "an empty book"),
    (["weights", "check", "gone", "--base-model", BASE], 1, "error: gone: is not a folder\n", "no folder"),
    (["reconcile", ""], 2, "is empty", "Pulumi would take the stack that was selected last"),
    (["reconcile", "dev", "--deadline", "99999999999d"], 2, "more than a year", "no calendar has it"),
    (["reconcile", "dev", "--parallel", "99999999999"], 2, "--parallel", "more than the engine counts"),
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
    if arguments and arguments[0] != "validate":  # that one draws what is wrong with a file
        [line] = ran.output.splitlines()
        assert line.startswith("error: "), "one line, be it the usage or the thing itself"


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("vertex_tuning.vertex.retry.ATTEMPTS", 1)
    ran = RUN.invoke(app, ["predict", ENDPOINT, "--prompt", "x"])
    assert ran.exit_code == 1
    [line] = ran.output.splitlines()
    assert line.startswith(f"error: {ENDPOINT}: no answer from http://127.0.0.1:9: ")


AMISS = [
    (
        {"VERTEX_TUNING_ENDPOINT": "127.0.0.1:9"},
        "VERTEX_TUNING_ENDPOINT: '127.0.0.1:9' is no address",
        "no scheme",
    ),
    ({"VERTEX_TUNING_ENDPOINT": "http://["}, "VERTEX_TUNING_ENDPOINT: 'http://[' is no address", "no host"),
    ({"VERTEX_TUNING_IMPERSONATE": "me"}, "VERTEX_TUNING_IMPERSONATE: 'me' is not", "no account"),
    ({"VERTEX_TUNING_GRACE_SECONDS": "soon"}, "VERTEX_TUNING_GRACE_SECONDS: 'soon' is not", "no number"),
    ({"GOOGLE_APPLICATION_CREDENTIALS": "gone.json"}, "gcloud auth application-default login", "not there"),
    ({"GOOGLE_APPLICATION_CREDENTIALS": "."}, ".: Is a directory", "a folder for a file"),
]
ASKING = [
    ["predict", ENDPOINT, "-p", "x"],
    ["lineage", ENDPOINT],
    ["prices", "refresh", "--file", "new.json"],
]


@pytest.mark.parametrize("arguments", ASKING, ids=[words[0] for words in ASKING])
@pytest.mark.parametrize(("environment", "said", "why"), AMISS, ids=[case[2] for case in AMISS])
def test_an_environment_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    said: str,
    why: str,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"HOME": str(tmp_path), "NO_GCE_CHECK": "true", **environment}.items():
        monkeypatch.setenv(name, value)
    ran = RUN.invoke(app, arguments)
    assert ran.exit_code == 1, why
    [line] = ran.output.splitlines()
    assert line.startswith("error: ")
    assert said in line, why


def test_a_prompt_is_text() -> None:
    ran = RUN.invoke(app, ["predict", ENDPOINT, "-p", "-"], input=b"\xff\xfe\x00")
    assert (ran.exit_code, ran.output.count("\n")) == (2, 1)
    assert "standard input is not UTF-8" in ran.output


CLOSED = [
    ("predict ENDPOINT -p - <&-", 2, "the prompt is empty", "no standard input"),
    ("doctor - <&-", 2, "is not what", "no standard input"),
    ("schema >/dev/full", 1, "error: No space left on device", "a disk that is full"),
    ("validate . >/dev/full", 1, "error: No space left on device", "a disk that is full, by way of rich"),
    ("schema --shared | head -1", 0, "{", "a reader who has seen enough"),
]


@pytest.mark.parametrize(("line", "status", "said", "why"), CLOSED, ids=[case[0] for case in CLOSED])
def test_what_a_shell_connects(line: str, status: int, said: str, why: str) -> None:
    ran = subprocess.run(
        ["bash", "-c", f"vertex-tuning {line.replace('ENDPOINT', ENDPOINT)}"],
        # Buffered, as it is for users: what a disk does not take shows late then.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        capture_output=True,
        text=True,
        check=False,
    )
    told = ran.stdout + ran.stderr
    assert ran.returncode == status, why
    assert told.splitlines()[0].startswith(said) if said == "{" else said in told, why
    assert told.count("\n") == 1, told


INTERRUPTED = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from vertex_tuning.cli import main
main()
"""


def test_an_interrupt_while_modules_load_has_no_traceback() -> None:
    ran = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGINT
    assert ran.stdout + ran.stderr == ""
