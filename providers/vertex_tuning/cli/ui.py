"""One look and feel: where commands print, how they fail, and what their exit codes mean.

Results go to standard output, everything else to standard error. Colour is for terminals; ``NO_COLOR``
turns it off there too.
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
        everywhere = {Exit.USAGE: "wrong usage", Exit.INTERRUPTED: "stopped by Ctrl-C"}
        return dict(sorted({**everywhere, **self.exits}.items()))

    def add_to(self, app: typer.Typer) -> None:
        """Make it a command of the application."""
        codes = tuple(f"{code:d}  {meaning}" for code, meaning in self.codes.items())
        examples = tuple(line for example in self.examples for line in broken(example))
        epilog = f"{block('Examples', examples)}\n\n{block('Exit codes', codes)}"
        app.command(help=_told(self.run), epilog=epilog)(self.run)


def _told(run: Callable[..., None]) -> str:
    """What a command does, in paragraphs: where a line ends is the terminal's business."""
    return "\n\n".join(" ".join(each.split()) for each in (run.__doc__ or "").split("\n\n"))


class Commands(TyperGroup):
    """The application: whatever ends it is one line, wrong usage too."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - as the base has it
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,
    ) -> Any:
        """Run what the command line says, and end with its exit code.

        Raises:
            SystemExit: in the end, unless ``standalone_mode`` is off.
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
            if said := error.format_message():  # without a command the help is printed already
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
    """What standard output does not take has been told; the interpreter must not try it again at its end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


class _Harmless:
    """What is shown, without control characters of others and without lines that CI reads as commands."""

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
    """Where results are printed; lines are as long as they are, for those who pipe them on."""
    return _console()


def note(text: str, style: str = "") -> None:
    """Say what is going on, beside the result."""
    _console(stderr=True).print(Text(text, style))


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
    _say_error(text)
    raise typer.Exit(code)


def _say_error(text: str) -> None:
    line = Text.assemble(("error: ", "bold red"), " ".join(text.split()))
    _console(stderr=True).print(line)


def why(error: OSError) -> str:
    """What the system said, after the file that it is about, if it is about one."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def standard_input(most: int = -1) -> bytes:
    """What comes in, up to a number of bytes; nothing where it is closed."""
    return sys.stdin.buffer.read(most) if sys.stdin else b""


def as_written(kind: Any, text: str, hint: str) -> str:
    """What a field of a stack file makes of a text, such as a ``GcsUri``.

    Raises:
        typer.BadParameter: the text is none.
    """
    try:
        return str(TypeAdapter(kind).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter(str(error.errors()[0]["ctx"]["error"]), param_hint=hint) from None


@contextmanager
def asking(about: str) -> Iterator[None]:
    """Calls to Google: a refusal ends the command with one line that begins with what it is about."""
    try:
        yield
    except VertexError as error:
        if os.environ.get(DETAILS) and error.__cause__ is not None:
            note(f"{type(error.__cause__).__name__}: {error.__cause__}", "dim")
        fail(f"{about}: {error}")
