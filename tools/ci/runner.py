"""What a workflow's runner gives a command, and takes from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import typer

ROOT = Path.cwd()


def tell(variable: str, text: str) -> None:
    """Write to one of the files that a runner reads, where there is a runner."""
    if path := os.environ.get(variable):
        with Path(path).open("a") as file:
            file.write(text)


def fail(text: str) -> NoReturn:
    """End with one line.

    Raises:
        typer.Exit: always.
    """
    typer.echo(f"error: {text}", err=True)
    raise typer.Exit(1)
