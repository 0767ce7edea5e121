"""Documents say what the code does."""

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.support.stack import REPOSITORY
from vertex_tuning.cli.app import app

README = (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize("name", ["changes", "commands", "failures", "models"])
def test_the_pages_of_classes_are_the_code(name: str) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, 'tools'); import {name}; print({name}.page(), end='')",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (REPOSITORY / "docs" / f"{name}.md").read_text() == ran.stdout, f"run: python tools/{name}.py"


def test_the_permissions_and_their_roles_are_the_list() -> None:
    program = (
        "import sys, json; sys.path.insert(0, 'tools'); import permissions; "
        "print(json.dumps({str(path): text for path, text in permissions.files().items()}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    for path, text in json.loads(ran.stdout).items():
        assert (REPOSITORY / "docs" / path).read_text() == text, "run: python tools/permissions.py"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))))
def test_every_make_target_that_the_readme_names_exists(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"vertex-tuning ([a-z]+) ", README))))
def test_every_command_that_the_readme_names_exists(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:stacks|docs|providers|tools)/[\w./-]+)`", README)))
)
def test_every_path_that_the_readme_names_exists(path: str) -> None:
    assert (REPOSITORY / path).exists() or path == "stacks/Pulumi.search-try.yaml"


def test_the_variables_that_the_page_names_are_read() -> None:
    named = set(re.findall(r"VERTEX_TUNING_[A-Z_]+", (REPOSITORY / "docs" / "variables.md").read_text()))
    read = [*(REPOSITORY / "providers").rglob("*.py"), *(REPOSITORY / "tools").rglob("*.py")]
    sources = "".join(path.read_text() for path in read)
    assert named == set(re.findall(r"VERTEX_TUNING_[A-Z_]+", sources))
