"""Write docs/commands.md: every command's arguments, options, examples and exit codes, from the commands.

python tools/commands.py
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from vertex_tuning.cli.app import COMMANDS, app
from vertex_tuning.cli.ui import Command, Exit

TARGET = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
MARK = "<!-- not-run: names are placeholders; a test parses each line as the command does -->"
GROUP = typer.main.get_command(app)


def page() -> str:
    """The whole page, as Markdown."""
    lines = [
        "# The command `vertex-tuning`",
        "",
        "Made by `python tools/commands.py` from the commands themselves; a test holds the two together.",
        "",
        "Results go to standard output, everything else to standard error; `--json` makes the result JSON.",
        "Colour is for terminals, and `NO_COLOR` turns it off there. `vertex-tuning --install-completion`",
        "makes the shell complete commands, options and stacks.",
        "",
        "| exit code | meaning |",
        "| --- | --- |",
        *(f"| {code:d} | {code.meaning} |" for code in Exit),
    ]
    for command in COMMANDS:
        lines += ["", *_section(command)]
    return "\n".join(lines) + "\n"


def _section(command: Command) -> Iterator[str]:
    yield f"## {command.name}"
    for paragraph in inspect.cleandoc(command.run.__doc__ or "").split("\n\n"):
        yield ""
        yield paragraph
    yield from ("", MARK, "```sh", *command.examples, "```", "", "| argument | meaning |", "| --- | --- |")
    yield from _arguments(command)
    yield from ("", "| exit code | meaning |", "| --- | --- |")
    yield from (f"| {code:d} | {meaning} |" for code, meaning in command.codes.items())


def _arguments(command: Command) -> Iterator[str]:
    found: Any = GROUP
    for parameter in found.commands[command.name].params:
        is_option = parameter.param_type_name == "option"
        name = ", ".join(parameter.opts) if is_option else parameter.name.upper()
        needed = " Required." if parameter.required else ""
        default = parameter.default
        plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
        told = f" Default: `{default}`." if plain else ""
        text = str(parameter.help or "").replace("|", "\\|")
        yield f"| `{name}` | {text}{needed}{told} |"


if __name__ == "__main__":
    TARGET.write_text(page())
