"""The command that keeps the price book."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Annotated

import typer

from ..pricing import NO_PRICES, PRICES, Book, read_book, write_book
from ..pricing.skus import SERVICES, refresh
from ..specs import Region
from . import ui


class Action(enum.StrEnum):
    """What to do with the book."""

    SHOW = "show"
    REFRESH = "refresh"


def prices(
    action: Annotated[
        Action, typer.Argument(help="show: print the book. refresh: fill it from the Cloud Billing Catalog.")
    ],
    file: Annotated[
        Path, typer.Option(help="The book; a stack finds prices.json in the repository by itself.")
    ] = Path(PRICES),
    region: Annotated[
        list[str] | None,
        typer.Option(help="With refresh: only this region; may be given again.", show_default="all"),
    ] = None,
    currency: Annotated[str, typer.Option(help="With refresh: ISO code, as USD.")] = "USD",
    *,
    json_output: ui.Json = False,
) -> None:
    """Show or refresh the price book that estimates and budgets are made with.

    A refresh replaces the rows that it once made, each dated and with its SKU ids, and keeps the rows that
    were written by hand. A price that the catalogue does not tell stays unknown; none is invented.
    """
    regions = [ui.as_written(Region, each, "--region") for each in region or ()]
    book = _book(file, needed=action is Action.SHOW)
    if action is Action.REFRESH:
        from ..vertex import Connection
        from ..vertex.prices import list_skus

        with ui.asking("Cloud Billing Catalog"):
            skus = list_skus(Connection.from_environment(), SERVICES, currency)
        today = dt.datetime.now(dt.UTC).date()
        try:
            done = refresh(book, skus, today, regions)
        except ValueError as error:
            ui.fail(f"{file}: {error}")
        write_book(done.book, file)
        for line in done.missing:
            ui.note(f"unknown: {line}", "yellow")
        ui.note(f"{file}: {len(done.book.rows)} prices of {today}, {len(done.missing)} notes")
        book = done.book
    if json_output:
        ui.show_json(book)
        return
    table = ui.table(f"{len(book.rows)} prices", "what", "price", "date", "source")
    for row in book.told():
        table.add_row(*row)
    ui.screen().print(table)


def _book(file: Path, *, needed: bool) -> Book:
    if not needed and not file.exists():
        return NO_PRICES
    try:
        return read_book(file)
    except ValueError as error:
        ui.fail(str(error))


COMMAND = ui.Command(
    prices,
    examples=(
        "vertex-tuning prices refresh --region us-central1",
        "vertex-tuning prices show --file prices.json",
    ),
    exits={
        ui.Exit.OK: "shown, or refreshed: what could not be priced is listed",
        ui.Exit.FAILED: "the book cannot be read, or Google refused or did not answer",
    },
)
