"""What the workflows promise: no stranger's code with an identity, no keys, no action by a movable name."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stack import REPOSITORY
from tools.ci.__main__ import app

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
            assert job["environment"] == "preview", "an identity that may only read"


@each_workflow
def test_every_job_ends(path: Path) -> None:
    assert all("timeout-minutes" in job for job in jobs(path).values())


@each_workflow
def test_steps_are_scripts_that_are_tested(path: Path) -> None:
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    for job in jobs(path).values():
        for step in job["steps"]:
            if "run" not in step:
                continue
            found = re.fullmatch(
                r"python -m tools\.ci ([a-z]+)[^;|&`]*|bash \.ci/run|make wheel|python tools/release\.py .*",
                step["run"],
            )
            assert found, step["run"]
            assert found[1] is None or found[1] in commands
