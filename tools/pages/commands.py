"""Every command's arguments, options, examples and exit codes, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from vertex_tuning.cli.app import COMMANDS, app
from vertex_tuning.cli.ui import Command, Exit

from .markdown import made_from, table

HEAD = f"""\
# The command `vertex-tuning`

{made_from("the commands")}

Results go to standard output, everything else to standard error; `--json` makes the result JSON.
Colour is for terminals, and `NO_COLOR` turns it off there. `vertex-tuning --install-completion`
makes the shell complete commands, options and stacks.
"""
MARK = "<!-- not-run: names are placeholders; a test parses each line as the command does -->"
CODES = ("exit code", "meaning")


def page() -> str:
    """docs/commands.md."""
    lines = [HEAD, *table(CODES, ((f"{code:d}", code.meaning) for code in Exit))]
    for command in COMMANDS:
        lines += ["", f"## {command.name}", "", inspect.cleandoc(command.run.__doc__ or ""), ""]
        lines += [MARK, "```sh", *command.examples, "```", ""]
        lines += [*table(["argument", "meaning"], _arguments(command)), ""]
        lines += table(CODES, ((f"{code:d}", meaning) for code, meaning in command.codes.items()))
    return "\n".join(lines) + "\n"


def _arguments(command: Command) -> Iterator[tuple[str, str]]:
    found: Any = typer.main.get_command(app)
    for parameter in found.commands[command.name].params:
        is_option = parameter.param_type_name == "option"
        name = ", ".join(parameter.opts) if is_option else parameter.name.upper()
        needed = " Required." if parameter.required else ""
        default = parameter.default
        plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
        shown = f" Default: `{default}`." if plain else ""
        text = str(parameter.help or "").replace("|", "\\|")
        yield f"`{name}`", f"{text}{needed}{shown}"
