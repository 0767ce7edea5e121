"""The command ``doctor``: resources that no stack manages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ..catalog import GLOBAL
from ..pricing import Book, Money, find_book
from ..pricing.money import span
from ..specs import GcsUri, ProjectId, Region
from ..vertex import connect
from . import ui
from .states import read_export

if TYPE_CHECKING:
    from ..lifecycle.orphaned import Orphan


def doctor(
    exports: Annotated[
        list[Path] | None,
        typer.Argument(
            help="What `pulumi stack export` printed, one file per stack; '-' reads standard input.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(help="Another Google Cloud project to search; repeatable.", show_default=False),
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="Another region to search; repeatable.", show_default=False)
    ] = None,
    output_uri: Annotated[
        list[str] | None,
        typer.Option(
            help="Another output folder whose claims to check: gs://BUCKET/FOLDER.", show_default=False
        ),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="The price book.", show_default="prices.json, if it exists")
    ] = None,
    *,
    json_output: ui.Json = False,
) -> None:
    """List resources created by this plugin that no stack manages.

    Endpoints, deployed models, models, running jobs, and claims without a resource; and claims whose deadline
    has passed. It searches the projects, regions and output folders that the exports name, and those that are
    given. It changes nothing.
    """
    # The kinds of resources say what is theirs, and Pulumi comes with them: no other command waits for it.
    from ..orphans import known, look, look_at_claims

    held = known(read_export(path) for path in exports or ())
    projects = held.projects.union(ui.as_written(ProjectId, each, "--project") for each in project or ())
    regions = held.regions.union(ui.as_written(Region, each, "--region") for each in region or ())
    folders = held.folders.union(ui.as_written(GcsUri, each, "--output-uri") for each in output_uri or ())
    if not (projects and regions) and not folders:
        raise typer.BadParameter("nothing to search: give an export, --project and --region, or --output-uri")
    try:
        book = find_book(prices, Path())
    except ValueError as error:
        ui.fail(str(error))
    vertex = connect()
    looks = [
        *(
            partial(look, vertex, each, there, held, book)
            for each in sorted(projects)
            for there in sorted({*regions, GLOBAL})
        ),
        *(partial(look_at_claims, vertex, folder, held) for folder in sorted(folders)),
    ]
    with ui.asking("searching for unmanaged resources"):
        found = _all(looks)
    if json_output:
        ui.show_json(found)
    else:
        screen = ui.screen()
        for line in lines(found, book):
            screen.print(line)
    raise typer.Exit(ui.Exit.FAILED if found else ui.Exit.OK)


def _all(looks: Iterable[Callable[[], list[Orphan]]]) -> list[Orphan]:
    with ThreadPoolExecutor() as pool:
        found = [orphan for answer in pool.map(lambda each: each(), looks) for orphan in answer]
    return sorted(found, key=lambda orphan: not orphan.bills)


def lines(found: list[Orphan], prices: Book) -> Iterator[Text]:
    """The findings as text, with their total cost an hour."""
    if not found:
        yield Text("No unmanaged resources found.", "bold green")
    for orphan in found:
        yield Text.assemble((orphan.kind, "bold red" if orphan.bills else "yellow"), f" {orphan.name}")
        for label, said in (("owner", orphan.owner), ("cost", orphan.bills), ("about", orphan.about)):
            if said:
                yield Text.assemble("  ", (f"{label:<6}", "dim"), said)
    low = sum((orphan.hourly for orphan in found), Money())
    high = sum((orphan.hourly_most for orphan in found), Money())
    if high != Money():
        yield Text(f"Together they cost {span((low, high), prices.currency, ' an hour')}.", "bold")
    if any(orphan.bills and orphan.hourly_most == Money() for orphan in found):
        yield Text("The running tunings cost extra.", "bold")


COMMAND = ui.Command(
    doctor,
    examples=(
        "pulumi stack export --stack search-dev > dev.json",
        "vertex-tuning doctor dev.json",
        "vertex-tuning doctor dev.json prod.json --project acme-old --json",
        "vertex-tuning doctor --output-uri gs://acme-search-dev-tuning/models",
    ),
    exits={
        ui.Exit.OK: "no unmanaged resources found",
        ui.Exit.FAILED: "unmanaged resources found, or the search failed",
    },
)
