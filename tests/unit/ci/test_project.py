"""Which stacks a change touches: those whose files it changes, and all when it is everyone's file."""

import subprocess
from pathlib import Path

import pytest

from tests.support.stack import REPOSITORY
from tools.ci.project import UnknownRevision, changed_since, stacks
from vertex_tuning.stack import Target

GOOGLE = ["search-dev", "search-prod", "support-dev", "support-prod"]
TOUCHED = [
    # (the changed file, the stacks, why)
    ("stacks/Pulumi.search-dev.yaml", ["search-dev"], "its own file"),
    ("stacks/teams/search.yaml", ["search-dev", "search-prod"], "shared by a team"),
    ("stacks/environments/prod.yaml", ["search-prod", "support-prod"], "shared by an environment"),
    ("stacks/defaults.yaml", GOOGLE, "shared by all"),
    ("stacks/teams/ads.yaml", [], "of a team that has no stack"),
    ("data/tickets-train.jsonl", ["search-dev", "search-prod"], "named in a team's file"),
    ("data/tickets-validation.jsonl", ["search-prod"], "named in its own file"),
    ("infra/__main__.py", GOOGLE, "the program"),
    ("providers/vertex_tuning/plan.py", GOOGLE, "the plugin"),
    ("requirements-run.lock", GOOGLE, "what it runs on"),
    ("README.md", [], "nothing of a stack"),
    ("emulator/vertex_emulator/app.py", [], "not for Google Cloud"),
]


@pytest.mark.parametrize(("path", "names", "why"), TOUCHED, ids=[case[0] for case in TOUCHED])
def test_a_changed_file_touches(path: str, names: list[str], why: str) -> None:
    assert [s.name for s in stacks(REPOSITORY, Target.GOOGLE) if s.touched_by([path])] == names, why


def test_rehearsals_are_apart() -> None:
    assert [stack.name for stack in stacks(REPOSITORY, Target.EMBEDDED)] == ["demo-local"]


def test_what_changed_on_this_branch_only(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def commit(name: str) -> None:
        (tmp_path / name).write_text(name)
        git("add", name)
        git("commit", "-m", name)

    git("init", "-b", "main")
    commit("old")
    git("checkout", "-b", "branch")
    commit("mine")
    git("mv", "old", "renamed")
    git("commit", "-m", "renamed")
    git("checkout", "main")
    commit("theirs")
    git("checkout", "branch")
    assert changed_since(tmp_path, "main") == ["mine", "old", "renamed"]
    with pytest.raises(UnknownRevision, match=r"^nowhere: fatal: "):
        changed_since(tmp_path, "nowhere")
