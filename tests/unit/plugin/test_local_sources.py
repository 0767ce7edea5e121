"""Local data are told as the stack file writes them, wherever the program runs."""

from pathlib import Path

import pytest

from vertex_tuning.sources import as_typed, from_root

SOURCES = [
    ("../data/a.jsonl", "infra", "data/a.jsonl", "the program runs one folder below the project's"),
    ("data/a.jsonl", ".", "data/a.jsonl", "it runs in the project's folder"),
    ("../../a.jsonl", "infra", "../a.jsonl", "data beside the project"),
    ("/data/a.jsonl", "infra", "/data/a.jsonl", "an absolute path is one from everywhere"),
    ("gs://bucket/a.jsonl", "infra", "gs://bucket/a.jsonl", "an object is no path"),
]


@pytest.mark.parametrize(("source", "program", "told", "why"), SOURCES, ids=[case[3] for case in SOURCES])
def test_from_root(source: str, program: str, told: str, why: str) -> None:
    assert from_root(source, program) == told, why


@pytest.mark.parametrize(("project", "told"), [(True, "data/a.jsonl"), (False, "../data/a.jsonl")])
def test_the_project_s_folder_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, project: bool, told: str
) -> None:
    if project:
        (tmp_path / "Pulumi.yaml").touch()
    program = tmp_path / "infra"
    program.mkdir()
    monkeypatch.chdir(program)
    assert as_typed("../data/a.jsonl") == told
