"""The command ``prices``: show and refresh the price book."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ..pricing import NO_PRICES, PRICES, Book, find_book, read_book, write_book
from ..pricing.skus import SERVICES, refresh
from ..specs import Region
from . import ui


class Action(enum.StrEnum):
    """The action on the price book."""

    SHOW = "show"
    REFRESH = "refresh"


def prices(
    action: Annotated[
        Action,
        typer.Argument(help="show: print all prices. refresh: fill the book from the Cloud Billing Catalog."),
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            help="The price book. A stack uses prices.json in the repository by default.", show_default=PRICES
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="With refresh: only this region; repeatable.", show_default="all"),
    ] = None,
    currency: Annotated[str, typer.Option(help="With refresh: ISO code, such as USD.")] = "USD",
    *,
    json_output: ui.Json = False,
) -> None:
    """Show or refresh the prices used for estimates and budgets.

    Google's list prices come with the package, dated; rows of the book win over them. A refresh replaces
    the rows that an earlier one made, each dated and with its SKU ids, and keeps rows by hand.
    """
    regions = [ui.as_written(Region, each, "--region") for each in region or ()]
    path = file or Path(PRICES)
    if action is Action.SHOW:
        book = _read(lambda: find_book(file, Path()))
    else:
        from ..vertex import Connection
        from ..vertex.prices import list_skus

        own = _read(lambda: read_book(path)) if path.exists() else NO_PRICES
        with ui.asking("Cloud Billing Catalog"):
            skus = list_skus(Connection.from_environment(), SERVICES, currency)
        today = dt.datetime.now(dt.UTC).date()
        try:
            done = refresh(own, skus, today, regions)
        except ValueError as error:
            ui.fail(f"{path}: {error}")
        write_book(done.book, path)
        for line in done.missing:
            ui.note(f"unknown: {line}", "yellow")
        ui.note(f"{path}: {len(done.book.rows)} prices of {today}, {len(done.missing)} notes")
        book = done.book
    if json_output:
        ui.show_json(book)
        return
    table = ui.table(f"{len(book.rows)} prices", "what", "price", "date", "source")
    for row in book.told():
        table.add_row(*row)
    ui.screen().print(table)


def _read(read: Callable[[], Book]) -> Book:
    try:
        return read()
    except ValueError as error:
        ui.fail(str(error))


COMMAND = ui.Command(
    prices,
    examples=(
        "vertex-tuning prices refresh --region us-central1",
        "vertex-tuning prices show --file prices.json",
    ),
    exits={
        ui.Exit.OK: "shown, or refreshed; items without a price are listed",
        ui.Exit.FAILED: "the price book cannot be read, or Google refused or did not answer",
    },
)
