"""The command ``report``: turn a preview into a report for reviewers."""

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
    page: Annotated[Path | None, typer.Option("--html", help="Also write an HTML page to this file.")] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="The price book.", show_default="the stack's, or prices.json if it exists"),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="The program's folder, to which a preview's data paths are relative.")
    ] = Path("infra"),
    limit: Annotated[
        int | None,
        typer.Option(help="Maximum length of the Markdown in characters. Default: GitHub's limit of 65,536."),
    ] = None,
    *,
    compare: Annotated[
        bool,
        typer.Option(help="Read old data from Cloud Storage to count added and removed examples."),
    ] = True,
    json_output: ui.Json = False,
) -> None:
    """Summarize a preview: risks, changes, causes and cost.

    Prints Markdown for a pull request's comment. Without --show-sames in the preview, unchanged services are
    not included in the sums.
    """
    # The resources import Pulumi; no other command pays for that import.
    from ..report import COMMENT_LIMIT, build, html, markdown, read_preview
    from ..report.markdown import LEAST_LIMIT
    from ..report.preview import MOST_BYTES
    from ..stack import prices_of

    if limit is not None and limit < LEAST_LIMIT:
        ui.fail(f"--limit: {limit} characters are too few; the minimum is {LEAST_LIMIT}", ui.Exit.USAGE)
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
        ui.Exit.OK: "reported, also for a failed preview",
        ui.Exit.FAILED: "the preview or the price book cannot be read",
    },
)
