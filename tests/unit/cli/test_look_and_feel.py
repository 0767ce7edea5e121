"""What holds for every command: an example and exit codes in its help, `--json`, colour only on terminals."""

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from vertex_tuning.cli import app
from vertex_tuning.cli.app import COMMANDS
from vertex_tuning.cli.ui import Command, Exit

WIDE = {"TERMINAL_WIDTH": "200", "NO_COLOR": "1"}
GROUP = typer.main.get_command(app)
EXAMPLES = [
    (command, line) for command in COMMANDS for line in command.examples if line.startswith("vertex-tuning ")
]

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@each_command
def test_help_shows_examples_and_exit_codes(command: Command) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from vertex_tuning.cli import main; main()", command.name, "--help"],
        env={**os.environ, **WIDE},
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line.strip() for line in ran.stdout.splitlines()]
    for example in command.examples:
        assert example in said
    for code in {Exit.OK, Exit.USAGE, *command.exits}:
        assert any(re.match(rf"{code:d}  \w", line) for line in said), f"exit code {code:d}"
    assert any("--json" in line for line in said)


@each_command
def test_the_first_example_is_this_command_s(command: Command) -> None:
    assert any(line.startswith(f"vertex-tuning {command.name} ") for line in command.examples)


@pytest.mark.parametrize(("command", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_examples_are_right_usage(command: Command, line: str) -> None:
    words = shlex.split(line.partition(" < ")[0].partition(" > ")[0])
    context = GROUP.make_context("vertex-tuning", words[1:2])
    name, found, _ = GROUP.resolve_command(context, words[1:])  # type: ignore[attr-defined]
    found.make_context(name, words[2:], parent=context).close()


def test_the_whole_says_what_exit_codes_mean() -> None:
    ran = CliRunner().invoke(app, ["--help"], env=WIDE)
    assert ran.exit_code == Exit.OK
    for code in Exit:
        assert f"{code:d}  {code.meaning}" in ran.stdout


def test_version() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert ran.exit_code == Exit.OK
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", ran.stdout)


COLOURS = [
    (True, {}, True, "a terminal"),
    (True, {"NO_COLOR": "1"}, False, "a terminal whose user wants none"),
    (False, {}, False, "a pipe"),
]


@pytest.mark.parametrize(("terminal", "extra", "coloured", "why"), COLOURS, ids=[case[3] for case in COLOURS])
def test_colour(
    tmp_path: Path, *, terminal: bool, extra: Mapping[str, str], coloured: bool, why: str
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("no\n")
    ours, theirs = pty.openpty() if terminal else os.pipe()
    ran = subprocess.run(
        [sys.executable, "-c", "from vertex_tuning.cli import main; main()", "validate", str(bad)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", **extra},
        stdout=theirs,
        check=False,
    )
    os.set_blocking(ours, False)
    printed = os.read(ours, 65536).decode()
    os.close(theirs)
    os.close(ours)
    assert ran.returncode == Exit.FAILED
    assert "cannot be used" in printed
    assert ("\x1b[1;31m" in printed) is coloured, why
