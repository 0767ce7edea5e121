"""A job that cannot be trained as it was given: the worker says why, on which line, and exits with 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.emulator.training.support import as_chat, made_rows, spec, write_rows
from vertex_emulator.training.spec import Phase, Progress, TrainingSpec

PROMPT = msgspec.json.encode(made_rows()[0])
CHAT = msgspec.json.encode(as_chat(made_rows()[0]))
ROLES = b'{"messages": [{"role": "%s", "content": "a"}, {"role": "%s", "content": "b"}]}'

FILES = {
    "an empty file": (b"", "training.jsonl, line 1: the file holds no rows"),
    "bad JSON in the third line": (
        b"\n".join([PROMPT, PROMPT, b'{"prompt": "a", "completion"', PROMPT]),
        "training.jsonl, line 3: not JSON: Input data was truncated",
    ),
    "a chat among prompts": (
        b"\n".join([PROMPT, CHAT]),
        "training.jsonl, line 2: its format differs from that of the rows before: a file holds one format",
    ),
    "a role that nobody has": (
        b"\n".join([CHAT, ROLES % (b"teacher", b"assistant")]),
        "training.jsonl, line 2: Invalid enum value 'teacher' - at `$.messages[0].role`",
    ),
    "a chat that the user ends": (
        b"\n".join([CHAT, CHAT, ROLES % (b"assistant", b"user")]),
        "training.jsonl, line 3: the last message must be the assistant's",
    ),
    "a file in Latin-1": (
        b"\n".join([PROMPT, '{"prompt": "é", "completion": "b"}'.encode("latin-1")]),
        "training.jsonl, line 2: not UTF-8 at byte 13 of the line",
    ),
}


def run_worker(folder: Path, given: TrainingSpec) -> tuple[subprocess.CompletedProcess[str], Progress]:
    (folder / "spec.json").write_bytes(msgspec.json.encode(given))
    command = [sys.executable, "-m", "vertex_emulator.training.worker", "spec.json", "progress.json"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return ended, msgspec.json.decode((folder / "progress.json").read_bytes(), type=Progress)


def assert_refused(folder: Path, given: TrainingSpec, reason: str) -> None:
    ended, progress = run_worker(folder, given)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "")
    assert (progress.phase, progress.reason) == (Phase.FAILED, reason)
    assert not Path(given.output_dir).exists()


@pytest.mark.parametrize(("content", "reason"), FILES.values(), ids=FILES)
def test_a_training_file_that_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "training.jsonl").write_bytes(content)
    assert_refused(tmp_path, spec(tmp_path / "training.jsonl", tmp_path, tmp_path / "cache"), reason)


def _no_folder(_: Path) -> None:
    return


def _another_family(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "gpt2", "n_embd": 768}')


JOBS: dict[str, tuple[dict[str, Any], Callable[[Path], None], str]] = {
    "a custom base that is not there": (
        {"custom_base": "base"},
        _no_folder,
        "custom base model: base: there is no such checkpoint folder",
    ),
    "a custom base of another architecture": (
        {"custom_base": "base"},
        _another_family,
        "custom base model: config.json: model_type is 'gpt2', and only 'llama' can be computed here",
    ),
    "a validation file that is not there": (
        {"validation_file": "validation.jsonl"},
        _no_folder,
        "validation.jsonl: cannot be read: No such file or directory",
    ),
    "a number that cannot be": ({"epochs": 0}, _no_folder, "epochs must be at least 1, not 0"),
}


@pytest.mark.parametrize(("changes", "prepare", "reason"), JOBS.values(), ids=JOBS)
def test_a_job_that_cannot_be_run_says_why(
    tmp_path: Path, changes: dict[str, Any], prepare: Callable[[Path], None], reason: str
) -> None:
    prepare(tmp_path / "base")
    rows = write_rows(tmp_path / "training.jsonl", made_rows()[:2])
    assert_refused(tmp_path, spec(rows, tmp_path, tmp_path / "cache", **changes), reason)
