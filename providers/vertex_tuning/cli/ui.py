"""One look and feel: where commands print, how they fail, and what their exit codes mean.

Results go to standard output, everything else to standard error. Colour is for terminals; ``NO_COLOR``
turns it off there too.
"""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ..vertex.connection import DETAILS
from ..vertex.errors import VertexError


class Exit(enum.IntEnum):
    """How a command ended; scripts may rely on it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNSETTLED = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """In general; each command's help says what it means there."""
        return {
            Exit.OK: "done, and nothing to complain about",
            Exit.FAILED: "found what it looks for, or could not do it",
            Exit.USAGE: "wrong usage: nothing was done",
            Exit.UNSETTLED: "the deadline passed before the end",
            Exit.INTERRUPTED: "stopped by Ctrl-C or by the runner",
        }[self]


# What fits with the margins of a help text and a backslash.
_WIDEST = 72

Json = Annotated[bool, typer.Option("--json", help="The result as JSON on standard output.")]


class Command(msgspec.Struct, frozen=True):
    """A command with what its help promises.

    Attributes:
        run: the function whose parameters are the arguments; its name is the command's.
        examples: command lines that work as they stand, but for the names in them.
        exits: what the exit codes mean here; wrong usage is the same everywhere.
    """

    run: Callable[..., None]
    examples: tuple[str, ...]
    exits: Mapping[Exit, str]

    @property
    def name(self) -> str:
        """What is typed after ``vertex-tuning``."""
        return self.run.__name__

    @property
    def codes(self) -> dict[Exit, str]:
        """Every exit code with its meaning here, in order."""
        return dict(sorted({Exit.USAGE: "wrong usage", **self.exits}.items()))

    def add_to(self, app: typer.Typer) -> None:
        """Make it a command of the application."""
        codes = tuple(f"{code:d}  {meaning}" for code, meaning in self.codes.items())
        examples = tuple(line for example in self.examples for line in broken(example))
        app.command(epilog=f"{block('Examples', examples)}\n\n{block('Exit codes', codes)}")(self.run)


def broken(line: str) -> Iterator[str]:
    """A command line as a terminal of 80 columns shows it whole and a shell takes it back."""
    shown = ""
    for word in re.findall(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""", line):
        if shown and len(f"{shown} {word}") > _WIDEST:
            yield f"{shown} \\"
            shown = "   "
        shown = f"{shown} {word}" if shown else word
    yield shown


def block(heading: str, lines: tuple[str, ...]) -> str:
    """A heading with indented lines below it, as help texts show them."""
    # Escaped as one text: a backslash that ends a line would be doubled.
    return f"[bold]{heading}[/bold]\n" + escape("\n".join(f"  {line}" for line in lines))


def screen() -> Console:
    """Where results are printed; lines are as long as they are, for those who pipe them on."""
    return Console(highlight=False, soft_wrap=True)


def note(text: str, style: str = "") -> None:
    """Say what is going on, beside the result."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text, style))


def show_json(value: Any) -> None:
    """Print a result for programs."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(title: str, *headings: str) -> Table:
    """An empty table; what is too wide is folded, never cut."""
    made = Table(title=title, title_justify="left")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


@contextmanager
def progress(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while something of a known size is done; gone when it is.

    It is for eyes: only on a terminal, and not in a build, whose log would keep every step. Yields what is
    told how much more has been done.
    """
    console = Console(stderr=True)
    seen = shown and console.is_terminal and not os.environ.get("CI")
    bar = Progress(console=console, transient=True, disable=not seen)
    with bar:
        task = bar.add_task(what, total=total)
        yield partial(bar.advance, task)


def fail(text: str, code: int = Exit.FAILED) -> NoReturn:
    """End with one line on standard error.

    Raises:
        typer.Exit: always.
    """
    line = Text.assemble(("error: ", "bold red"), " ".join(text.split()))
    Console(stderr=True, highlight=False, soft_wrap=True).print(line)
    raise typer.Exit(code)


def check_endpoint(name: str) -> None:
    """Refuse what is not an endpoint's full name.

    Raises:
        typer.BadParameter: it is not.
    """
    parts = name.split("/")
    if len(parts) != 6 or parts[::2] != ["projects", "locations", "endpoints"] or not all(parts):
        raise typer.BadParameter(
            "not of the form projects/PROJECT/locations/REGION/endpoints/ID", param_hint="ENDPOINT"
        )


@contextmanager
def asking(about: str) -> Iterator[None]:
    """Calls to Google: a refusal ends the command with one line that begins with what it is about."""
    try:
        yield
    except VertexError as error:
        if os.environ.get(DETAILS) and error.__cause__ is not None:
            note(f"{type(error.__cause__).__name__}: {error.__cause__}", "dim")
        fail(f"{about}: {error}")
