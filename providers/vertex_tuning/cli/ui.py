"""Output, errors and exit codes of all commands.

Results go to standard output, everything else to standard error. Colour is used on terminals only, unless
``NO_COLOR`` is set.
"""

from __future__ import annotations

import enum
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
    RenderResult,
)
from rich.markup import escape
from rich.progress import Progress
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from .. import plain
from ..vertex.connection import DETAILS
from ..vertex.errors import VertexError


class Exit(enum.IntEnum):
    """How a command ended: stable exit codes for scripts."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNSETTLED = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """The general meaning; each command's help has its own."""
        return {
            Exit.OK: "success",
            Exit.FAILED: "problems found, or the command failed",
            Exit.USAGE: "wrong usage; nothing was done",
            Exit.UNSETTLED: "the deadline passed",
            Exit.INTERRUPTED: "stopped by Ctrl-C or by the runner",
        }[self]


# The width of a help text without its margins and a backslash.
_WIDEST = 72

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Command(msgspec.Struct, frozen=True):
    """A command with its examples and exit codes.

    Attributes:
        run: the function whose parameters are the arguments; its name is the command's.
        examples: command lines that work with your own names.
        exits: the exit codes' meanings for this command, except wrong usage.
    """

    run: Callable[..., None]
    examples: tuple[str, ...]
    exits: Mapping[Exit, str]

    @property
    def name(self) -> str:
        """The command's name."""
        return self.run.__name__

    @property
    def codes(self) -> dict[Exit, str]:
        """Every exit code with its meaning for this command, in order."""
        everywhere = {Exit.USAGE: "wrong usage", Exit.INTERRUPTED: "stopped by Ctrl-C"}
        return dict(sorted({**everywhere, **self.exits}.items()))

    def add_to(self, app: typer.Typer) -> None:
        """Add the command to the application."""
        codes = tuple(f"{code:d}  {meaning}" for code, meaning in self.codes.items())
        examples = tuple(line for example in self.examples for line in broken(example))
        epilog = f"{block('Examples', examples)}\n\n{block('Exit codes', codes)}"
        app.command(help=_told(self.run), epilog=epilog)(self.run)


def _told(run: Callable[..., None]) -> str:
    """The docstring as paragraphs without line breaks, for the terminal to wrap."""
    return "\n\n".join(" ".join(each.split()) for each in (run.__doc__ or "").split("\n\n"))


class Commands(TyperGroup):
    """The application; every error, wrong usage included, is one line."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - as the base has it
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,
    ) -> Any:
        """Run the command and exit with its code.

        Raises:
            SystemExit: always, unless ``standalone_mode`` is off.
        """
        run = partial(
            super().main,
            args,
            prog_name,
            complete_var,
            standalone_mode=False,
            windows_expand_args=windows_expand_args,
            **extra,
        )
        if not standalone_mode:
            return run()
        try:
            code = run()
            if sys.stdout:
                sys.stdout.flush()
        except TyperException as error:
            code = error.exit_code
            if said := error.format_message():  # without a command the help has been printed
                context = getattr(error, "ctx", None)
                path = context.command_path if context else self.name
                _say_error(f"{said.rstrip('.')}; see: {path} --help")
        except VertexError as error:
            code = Exit.FAILED
            _say_error(str(error))
        except OSError as error:
            code = Exit.FAILED
            _say_error(why(error))
        _let_go()
        sys.exit(code)


def _let_go() -> None:
    """Close standard output after a reported failure, so that the interpreter does not retry at exit."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def broken(line: str) -> Iterator[str]:
    """A command line, wrapped with backslashes to fit 80 columns."""
    shown = ""
    for word in re.findall(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""", line):
        if shown and len(f"{shown} {word}") > _WIDEST:
            yield f"{shown} \\"
            shown = "   "
        shown = f"{shown} {word}" if shown else word
    yield shown


def block(heading: str, lines: tuple[str, ...]) -> str:
    """A heading with indented lines, for help texts."""
    # Escape the whole: a backslash at a line's end would be doubled otherwise.
    return f"[bold]{heading}[/bold]\n" + escape("\n".join(f"  {line}" for line in lines))


class _Harmless:
    """The text without control characters and without lines that CI reads as commands."""

    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        begins = True
        for segment in console.render(self._shown, options):
            text = segment.text if segment.control else plain.lines(segment.text, begins=begins)
            yield segment if segment.control else Segment(text, segment.style)
            begins = text.endswith("\n") or (begins and not text.strip())


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Harmless(each) for each in renderables]


def _console(*, stderr: bool = False) -> Console:
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    made.push_render_hook(_Hook())
    return made


def screen() -> Console:
    """The console for results; it never wraps lines, so that they can be piped."""
    return _console()


def note(text: str, style: str = "") -> None:
    """Print a progress message to standard error."""
    _console(stderr=True).print(Text(text, style))


def show_json(value: Any) -> None:
    """Print a result for programs."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(title: str, *headings: str) -> Table:
    """An empty table whose long cells wrap."""
    made = Table(title=title, title_justify="left")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


@contextmanager
def progress(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error for work of a known size.

    It appears on terminals only, not in CI, whose log would keep every step. Yields a function that advances
    the bar.
    """
    console = Console(stderr=True)
    seen = shown and console.is_terminal and not os.environ.get("CI")
    bar = Progress(console=console, transient=True, disable=not seen)
    with bar:
        task = bar.add_task(what, total=total)
        yield partial(bar.advance, task)


def fail(text: str, code: int = Exit.FAILED) -> NoReturn:
    """Print one line to standard error and exit.

    Raises:
        typer.Exit: always.
    """
    _say_error(text)
    raise typer.Exit(code)


def _say_error(text: str) -> None:
    line = Text.assemble(("error: ", "bold red"), " ".join(text.split()))
    _console(stderr=True).print(line)


def why(error: OSError) -> str:
    """The system's error message, after the file's name if there is one."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def standard_input(most: int = -1) -> bytes:
    """Standard input, up to a number of bytes; empty if it is closed."""
    return sys.stdin.buffer.read(most) if sys.stdin else b""


def as_written(kind: Any, text: str, hint: str) -> str:
    """Parse a text like a stack file's field, such as a ``GcsUri``.

    Raises:
        typer.BadParameter: the text is invalid.
    """
    try:
        return str(TypeAdapter(kind).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter(str(error.errors()[0]["ctx"]["error"]), param_hint=hint) from None


@contextmanager
def asking(about: str) -> Iterator[None]:
    """A context for calls to Google: an error ends the command with one line that begins with ``about``."""
    try:
        yield
    except VertexError as error:
        if os.environ.get(DETAILS) and error.__cause__ is not None:
            note(f"{type(error.__cause__).__name__}: {error.__cause__}", "dim")
        fail(f"{about}: {error}")
