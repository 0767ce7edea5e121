"""The command that finds what was left behind."""

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
            help="What `pulumi stack export` printed, a file for each stack; '-' reads standard input.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(help="Google Cloud project to look in too; may be given again.", show_default=False),
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="Region to look in too; may be given again.", show_default=False)
    ] = None,
    output_uri: Annotated[
        list[str] | None,
        typer.Option(
            help="Output folder whose claims to look at too: gs://BUCKET/FOLDER.", show_default=False
        ),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="The price book.", show_default="prices.json, if it is there")
    ] = None,
    *,
    json_output: ui.Json = False,
) -> None:
    """List what is ours in Google Cloud and in none of the stacks.

    Endpoints, deployed models, models, running jobs, and claims that no resource stands for; and claims
    whose deadline has passed. It looks in the projects, regions and output folders that the exports name,
    and in those that are given. It changes nothing.
    """
    # The kinds of resources say what is theirs, and Pulumi comes with them: no other command waits for it.
    from ..orphans import known, look, look_at_claims

    held = known(read_export(path) for path in exports or ())
    projects = held.projects.union(ui.as_written(ProjectId, each, "--project") for each in project or ())
    regions = held.regions.union(ui.as_written(Region, each, "--region") for each in region or ())
    folders = held.folders.union(ui.as_written(GcsUri, each, "--output-uri") for each in output_uri or ())
    if not (projects and regions) and not folders:
        raise typer.BadParameter("nowhere to look: give an export, --project and --region, or --output-uri")
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
    with ui.asking("looking for what was left behind"):
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
    """What was left behind, for people, and what it bills together."""
    if not found:
        yield Text("Nothing was left behind.", "bold green")
    for orphan in found:
        yield Text.assemble((orphan.kind, "bold red" if orphan.bills else "yellow"), f" {orphan.name}")
        for label, said in (("owner", orphan.owner), ("cost", orphan.bills), ("about", orphan.about)):
            if said:
                yield Text.assemble("  ", (f"{label:<6}", "dim"), said)
    low = sum((orphan.hourly for orphan in found), Money())
    high = sum((orphan.hourly_most for orphan in found), Money())
    if high != Money():
        yield Text(f"Together they bill {span((low, high), prices.currency, ' an hour')}.", "bold")
    if any(orphan.bills and orphan.hourly_most == Money() for orphan in found):
        yield Text("What the running tunings cost comes on top.", "bold")


COMMAND = ui.Command(
    doctor,
    examples=(
        "pulumi stack export --stack search-dev > dev.json",
        "vertex-tuning doctor dev.json",
        "vertex-tuning doctor dev.json prod.json --project acme-old --json",
        "vertex-tuning doctor --output-uri gs://acme-search-dev-tuning/models",
    ),
    exits={
        ui.Exit.OK: "nothing was left behind",
        ui.Exit.FAILED: "something was, or could not be looked for",
    },
)
