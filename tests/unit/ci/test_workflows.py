"""What the workflows promise: no stranger's code with an identity, no keys, no action by a movable name."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from tests.support.stack import REPOSITORY
from tools.ci.__main__ import app

READING = "${{ vars.PREVIEW_BY_STACK == 'true' && format('{0}-preview', matrix.stack) || 'preview' }}"
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((REPOSITORY / ".github" / "actions").glob("*/action.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    # Not our reader of stack files: to YAML, the key `on` is a truth.
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["jobs"]
    return found


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_actions_are_pinned_by_commit(path: Path) -> None:
    for used in re.findall(r"uses: (\S+.*)", path.read_text()):
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", used), used


@each_workflow
def test_no_keys_and_no_rights_by_default(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"secrets[.\[]\S", text), "identities come from OIDC, the token from the job"
    assert "pull_request_target" not in text
    assert re.search(r"^permissions: \{\}$", text, re.MULTILINE)


@each_workflow
def test_a_strangers_code_has_no_identity(path: Path) -> None:
    if "pull_request:" not in path.read_text():
        return
    for name, job in jobs(path).items():
        rights = job.get("permissions", {})
        if rights != {"contents": "read"}:
            assert "head.repo.full_name == github.repository" in job["if"], name
        if "id-token" in rights:
            assert job["environment"] == READING, "an identity that may only read"


def test_the_reading_identity_is_one_for_all_or_one_for_each_stack() -> None:
    environments = {
        (path.stem, name): job["environment"]
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "environment" in job
    }
    assert environments == {
        ("preview", "preview"): READING,
        ("drift", "drift"): READING,
        ("settle", "unsettled"): "preview",
        ("settle", "settle"): "${{ matrix.stack }}-settle",
        ("up", "up"): "${{ matrix.stack }}",
        ("release", "publish"): "release",
    }


def test_one_teams_mistake_takes_no_comment_from_others() -> None:
    [path] = [path for path in WORKFLOWS if path.stem == "preview"]
    assert {name: job.get("needs") for name, job in jobs(path).items()} == {
        "touched": None,
        "offline": "touched",
        "preview": "touched",
        "tidy": None,
    }


@each_workflow
def test_packages_are_installed_before_there_is_an_identity(path: Path) -> None:
    for name, job in jobs(path).items():
        used = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
        if "google-github-actions/auth" in used:
            assert used[-1] == "google-github-actions/auth", name
            assert "./.github/actions/engine" in used, name


@each_workflow
def test_every_job_ends(path: Path) -> None:
    assert all("timeout-minutes" in job for job in jobs(path).values())


@each_workflow
def test_steps_are_scripts_that_are_tested(path: Path) -> None:
    for job in jobs(path).values():
        for step in job["steps"]:
            if "run" not in step:
                continue
            words = shlex.split(step["run"])
            if words[:3] == ["python", "-m", "tools.ci"]:
                right_usage(words[3:])
            else:
                assert step["run"] in OTHERS


OTHERS = ("bash .ci/run", "make wheel", 'python tools/release.py "$GITHUB_REF_NAME"')


def right_usage(words: list[str]) -> None:
    """Refuses a command that is none, and arguments that it does not take."""
    assert not set("".join(words)) & set(";|&`\n"), "one command"
    group = typer.main.get_command(app)
    context = group.make_context("tools.ci", words[:1])
    name, found, _ = group.resolve_command(context, words)  # type: ignore[attr-defined]
    found.make_context(name, words[1:], parent=context).close()


WRONG = [
    ("settel x", "No such command"),
    ("settle", "Missing parameter: name"),
    ("stacks --sinse x", "No such option"),
    ("up a b", "unexpected extra argument"),
    ("up a; up b", "one command"),
]


@pytest.mark.parametrize(("line", "told"), WRONG, ids=[case[0] for case in WRONG])
def test_wrong_usage_is_found(line: str, told: str) -> None:
    with pytest.raises(Exception, match=told):
        right_usage(line.split())


def test_wrong_usage_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app(["settel", "dev"], prog_name="tools.ci")
    assert (
        capsys.readouterr().err
        == "error: No such command 'settel'. Did you mean 'settle'?; see: tools.ci --help\n"
    )
