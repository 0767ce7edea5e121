"""The command that turns a preview into a report for reviewers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from ..pricing import find_book
from . import ui


def report(
    preview: Annotated[
        str, typer.Argument(help="What `pulumi preview --json --show-sames` printed; '-' is standard input.")
    ] = "-",
    page: Annotated[
        Path | None, typer.Option("--html", help="Write a page here that needs no other file.")
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="The price book.", show_default="the stack's, or prices.json if it is there"),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="The program's folder: paths of data in a preview are relative to it.")
    ] = Path("infra"),
    limit: Annotated[
        int | None,
        typer.Option(help="Most characters of the Markdown; by itself GitHub's limit, which is 65,536."),
    ] = None,
    *,
    compare: Annotated[
        bool,
        typer.Option(help="Read old data from Cloud Storage to count which examples come and go."),
    ] = True,
    json_output: ui.Json = False,
) -> None:
    """Say what a preview means: risks first, then what changes and why, and what it costs.

    Prints Markdown for a pull request's comment. Without --show-sames in the preview, services that stay
    as they are are not counted in the sums.
    """
    # What a preview means is read from the resources, with which Pulumi comes: no other command waits for it.
    from ..report import COMMENT_LIMIT, build, html, markdown, read_preview
    from ..report.markdown import LEAST_LIMIT
    from ..report.preview import MOST_BYTES
    from ..stack import prices_of

    if limit is not None and limit < LEAST_LIMIT:
        ui.fail(f"--limit: {limit} characters are too few; give {LEAST_LIMIT} or more", ui.Exit.USAGE)
    try:
        read = read_preview(_text(preview, MOST_BYTES + 1))
    except OSError as error:
        ui.fail(ui.why(error))
    except ValueError as error:
        ui.fail(f"{preview}: {error}")
    try:
        book = find_book(prices, Path()) if prices is not None else prices_of(read.config, Path())
    except ValueError as error:
        ui.fail(str(error))
    today = dt.datetime.now(dt.UTC).date()
    if compare:
        from ..report.compare import Comparison

        found = build(read, book, Comparison(folder), program=folder, today=today)
    else:
        found = build(read, book, program=folder, today=today)
    if page is not None:
        page.write_text(html(found))
    if json_output:
        ui.show_json(found)
        return
    typer.echo(markdown(found, limit or COMMENT_LIMIT), nl=False)


def _text(preview: str, most: int) -> bytes:
    if preview == "-":
        return ui.standard_input(most)
    with Path(preview).open("rb") as file:
        return file.read(most)


COMMAND = ui.Command(
    report,
    examples=(
        "pulumi preview --json --show-sames --stack search-dev > preview.json",
        "vertex-tuning report preview.json --html report.html > comment.md",
    ),
    exits={
        ui.Exit.OK: "reported, be the preview good or failed",
        ui.Exit.FAILED: "the preview or the price book cannot be read",
    },
)
