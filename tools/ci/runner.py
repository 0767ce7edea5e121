"""What a workflow's runner gives a command, and takes from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import typer

from vertex_tuning import plain

ROOT = Path.cwd()


def tell(variable: str, text: str) -> None:
    """Write to one of the files that a runner reads, where there is a runner."""
    if path := os.environ.get(variable):
        with Path(path).open("a") as file:
            file.write(text)


def say(text: str, *, error: bool = False) -> None:
    """Print what others may have written: no line of it is a command to the runner."""
    typer.echo(plain.lines(text), err=error)


def notice(text: str) -> None:
    """Print an annotation for the workflow's page."""
    typer.echo(f"::notice::{plain.line(text)}")


def fail(text: str) -> NoReturn:
    """End with one line.

    Raises:
        typer.Exit: always.
    """
    say(f"error: {text}", error=True)
    raise typer.Exit(1)
