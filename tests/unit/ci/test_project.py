"""Which stacks a change touches: those whose files it changes, and all when it is everyone's file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stack import REPOSITORY
from tools.ci.project import UnknownRevision, apart, changed_since, stacks
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


INPUTS = """config:
  vertex-tuning:team: ads
  vertex-tuning:environment: dev
  vertex-tuning:prices: {prices}
  vertex-tuning:services:
    - name: by-prompts
      tuning: {{training_data: data/train.jsonl, validation_data: gs://bucket/data/validation.jsonl}}
      serving: {{evaluation: {{prompts: data/prompts.jsonl}}}}
    - name: by-command
      serving: {{evaluation: {{command: [python, ./score.py], directory: tools}}}}
    - not a service
"""
NAMED = [
    ("data/train.jsonl", True, "what is trained on"),
    ("data/prompts.jsonl", True, "what a new model is asked"),
    ("tools/score.py", True, "what scores it, from the folder where it runs"),
    ("score.py", False, "a file of that name elsewhere"),
    ("books/ours.json", True, "the price book that the stack names"),
    ("prices.json", False, "not the one that it would have otherwise"),
    ("data/validation.jsonl", False, "the stack reads another one, in a bucket"),
]


@pytest.mark.parametrize(("path", "touched", "why"), NAMED, ids=[case[0] for case in NAMED])
def test_every_file_that_a_stack_names_counts(tmp_path: Path, path: str, touched: bool, why: str) -> None:  # noqa: FBT001
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.ads-dev.yaml").write_text(INPUTS.format(prices="books/ours.json"))
    [stack] = stacks(tmp_path, Target.GOOGLE)
    assert stack.touched_by([path]) is touched, why


def test_the_price_book_that_lies_there_counts_for_who_names_none() -> None:
    assert all(stack.touched_by(["prices.json"]) for stack in stacks(REPOSITORY, Target.GOOGLE))


BROKEN = [
    (b"config: [\n", "line 2, column 1: ", "no YAML"),
    (b"config: \xff\n", "is not UTF-8", "another encoding"),
    (b"config: [a]\n", "config must be a mapping, not a list", "no mapping"),
    (b"config: &x\n  vertex-tuning:labels: *x\n", "line 1, column 9: ", "it holds itself"),
]


@pytest.mark.parametrize(("content", "told", "why"), BROKEN, ids=[case[2] for case in BROKEN])
def test_a_file_that_cannot_be_read_is_its_own_stacks_mistake_alone(
    tmp_path: Path, content: bytes, told: str, why: str
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.ads-dev.yaml").write_bytes(content)
    (tmp_path / "stacks" / "Pulumi.ads-prod.yaml").write_text(INPUTS.format(prices="prices.json"))
    broken, whole = stacks(tmp_path, Target.GOOGLE)
    assert broken.problem.startswith(f"stacks/Pulumi.ads-dev.yaml: {told}"), why
    assert broken.touched_by(["stacks/Pulumi.ads-dev.yaml"])
    assert (whole.name, whole.problem) == ("ads-prod", "")


def test_rehearsals_are_apart() -> None:
    assert [stack.name for stack in stacks(REPOSITORY, Target.EMBEDDED)] == ["demo-local"]


class Branch:
    """A project with the repository's stacks, and a branch on which one team's data changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(REPOSITORY / "stacks", folder / "stacks")
        self.git("init", "-b", "main")
        self.commit("old")
        self.git("checkout", "-b", "branch")
        self.commit("data/tickets-chat.jsonl")
        self.git("mv", "old", "renamed")
        self.git("commit", "-m", "renamed")
        self.git("checkout", "main")
        self.commit("theirs")
        self.git("checkout", "branch")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        ran = subprocess.run(
            ["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    def commit(self, name: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(name)
        self.git("add", ".")
        self.git("commit", "-m", name)

    def ci(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as a job does."""
        return subprocess.run(
            [sys.executable, "-m", "tools.ci", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}/providers:{REPOSITORY}"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Branch:
    return Branch(tmp_path_factory.mktemp("branch"))


def test_what_changed_on_this_branch_only(branch: Branch) -> None:
    assert changed_since(branch.folder, "main") == ["data/tickets-chat.jsonl", "old", "renamed"]
    with pytest.raises(UnknownRevision, match=r"^nowhere: fatal: "):
        changed_since(branch.folder, "nowhere")


SUPPORT = ["support-dev", "support-prod"]
ASKED: list[tuple[list[str], list[str], str]] = [
    (["--since", "main"], SUPPORT, "whose data changed on the branch"),
    (["--since", "HEAD"], [], "nothing since"),
    (["--since", "0" * 40], GOOGLE, "GitHub's revision before a branch's first push"),
    (["--since", ""], GOOGLE, "a run by hand has none"),
    (["--since", "main", "--only", "search-dev"], ["search-dev"], "somebody asked for it by hand"),
    (["--since", "main", "--only", ""], SUPPORT, "nobody did"),
]


@pytest.mark.parametrize(("arguments", "names", "why"), ASKED, ids=[case[2] for case in ASKED])
def test_the_stacks_that_a_job_is_told(
    branch: Branch, arguments: list[str], names: list[str], why: str
) -> None:
    ran = branch.ci("stacks", *arguments)
    assert (ran.returncode, json.loads(ran.stdout)) == (0, names), why


REFUSED = [
    (["--since", "nowhere"], "error: nowhere: fatal: "),
    (["--only", "other"], "error: there is no stack other in stacks/; there is search-dev, "),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED, ids=["since", "only"])
def test_what_is_not_there_is_one_line(branch: Branch, arguments: list[str], told: str) -> None:
    ran = branch.ci("stacks", *arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    [line] = ran.stderr.splitlines()
    assert line.startswith(told)


def test_a_stack_apart_reads_nothing_else() -> None:
    with apart(REPOSITORY) as engine:
        assert engine.environment["VERTEX_TUNING_OFFLINE"] == "1"
        assert engine.environment["PULUMI_BACKEND_URL"].startswith("file://")
        for path in (engine.folder / "stacks").glob("Pulumi.*.yaml"):
            assert "encryptionsalt" not in path.read_text(), "of another backend"
