"""Documents say what the code does."""

import re

import pytest
from typer.testing import CliRunner

from tests.support.stack import REPOSITORY
from vertex_tuning.cli.app import app

README = (REPOSITORY / "README.md").read_text()


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
