"""What holds for every command: an example and exit codes in its help, `--json`, colour only on terminals."""

import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from vertex_tuning.cli.app import COMMANDS, app
from vertex_tuning.cli.ui import Command, Exit, broken

TERMINAL = {"COLUMNS": "80", "NO_COLOR": "1"}
GROUP = typer.main.get_command(app)
EXAMPLES = [
    (command, line) for command in COMMANDS for line in command.examples if line.startswith("vertex-tuning ")
]

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@each_command
def test_help_shows_examples_and_exit_codes(command: Command) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from vertex_tuning.cli import main; main()", command.name, "--help"],
        env={**os.environ, **TERMINAL},
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line.strip() for line in ran.stdout.splitlines()]
    # As a shell reads what was copied: a backslash at the end of a line joins it with the next.
    copied = [" ".join(line.split()) for line in re.sub(r" \\\s*\n\s*", " ", ran.stdout).splitlines()]
    for example in command.examples:
        assert example in copied
    for code in {Exit.OK, Exit.USAGE, Exit.INTERRUPTED, *command.exits}:
        assert any(re.match(rf"{code:d}  \w", line) for line in said), f"exit code {code:d}"
    assert any("--json" in line for line in said)
    last = command.run.__doc__.split("\n\n")[-1].split()  # type: ignore[union-attr]
    assert " ".join(last) in " ".join(copied), "lines end where the terminal does, not where the source does"


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
    ran = CliRunner().invoke(app, ["--help"], env=TERMINAL)
    assert ran.exit_code == Exit.OK
    for code in Exit:
        assert f"\n   {code:d}  {code.meaning}" in ran.stdout, "as the commands' own help has them"


BROKEN = [
    ("short one", ["short one"]),
    ("x" * 66 + " second third", ["x" * 66 + " \\", "    second third"]),
    ("x" * 70 + ' "stays in one"', ["x" * 70 + " \\", '    "stays in one"']),
    ("x" * 90 + " y", ["x" * 90 + " \\", "    y"]),
]


@pytest.mark.parametrize(("line", "shown"), BROKEN)
def test_long_examples_are_broken_where_a_shell_takes_them(line: str, shown: list[str]) -> None:
    assert [*broken(line)] == shown


def completed(shell: str, folder: Path, *words: str) -> str:
    """What the script that `--install-completion` installs asks the command for."""
    line = " ".join(["vertex-tuning", *words])
    asks = {
        "bash": {
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words)),
            "_VERTEX_TUNING_COMPLETE": "complete_bash",
        },
        "zsh": {"_TYPER_COMPLETE_ARGS": line, "_VERTEX_TUNING_COMPLETE": "complete_zsh"},
        "fish": {
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_VERTEX_TUNING_COMPLETE": "complete_fish",
        },
    }
    ran = subprocess.run(
        ["vertex-tuning"],
        env={**os.environ, **asks[shell]},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_options_and_stacks(shell: str, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    for name in ("search-dev", "search-prod", "ads-dev"):
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").touch()
    assert "reconcile" in completed(shell, tmp_path, "rec")
    assert "--deadline" in completed(shell, tmp_path, "reconcile", "--dead")
    stacks = completed(shell, tmp_path, "reconcile", "sear")
    assert "search-dev" in stacks
    assert "search-prod" in stacks
    assert "ads-dev" not in stacks


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_the_installed_script_is_one_that_bash_takes() -> None:
    script = subprocess.run(
        ["vertex-tuning", "--show-completion", "bash"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "vertex-tuning" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


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
