"""The command that says what stands behind what is served now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from .. import lineage as lineages
from ..served import Served, look
from ..specs import EndpointName
from ..vertex import connect
from . import ui


def lineage(
    endpoint: Annotated[
        str,
        typer.Argument(help="Full name: projects/PROJECT/locations/REGION/endpoints/ID, as `up` prints it."),
    ],
    *,
    json_output: ui.Json = False,
) -> None:
    """Say which data, base, parameters, job and commit stand behind what an endpoint serves now."""
    ui.as_written(EndpointName, endpoint, "ENDPOINT")
    with ui.asking(endpoint):
        found = look(connect(), endpoint)
    if json_output:
        ui.show_json(found)
    elif not found:
        ui.screen().print("Nothing is deployed on it.")
    for served in () if json_output else found:
        for name, value in _rows(served):
            ui.screen().print(Text.assemble((f"{name:<15}", "dim"), value))
    raise typer.Exit(ui.Exit.OK if all(served.lineage for served in found) else ui.Exit.FAILED)


def _rows(served: Served) -> Iterator[tuple[str, str]]:
    yield f"{served.traffic} %", f"deployed model {served.deployed_id} on {served.machines}"
    yield "  model", served.model
    yield "  weights", served.artifacts_uri or "unknown"
    behind = served.lineage
    if behind is None:
        yield "  lineage", f"unknown: {served.unknown}"
        return
    yield "  base", f"{behind.base_model}, {behind.mode}"
    if behind.custom_base_model:
        yield "  from weights", behind.custom_base_model
    if behind.teacher:
        yield "  teacher", f"{behind.teacher}; its answers are in {behind.labelled or 'unknown'}"
    yield "  parameters", ", ".join(f"{name} {value:g}" for name, value in behind.parameters.items())
    yield "  training", _data(behind.training)
    if behind.validation is not None:
        yield "  validation", _data(behind.validation)
    yield "  job", f"{behind.job or 'unknown'}, ended {behind.ended or 'unknown'}, attempt {behind.attempt}"
    yield "  fingerprint", behind.fingerprint
    yield "  tuned by", behind.owner
    yield "  commit", behind.commit or "unknown"


def _data(data: lineages.Data) -> str:
    count = f"{data.examples:,} examples, " if data.examples is not None else ""
    pinned = f"#{data.generation}" if data.generation and "#" not in data.source else ""
    checksum = f", crc32c {data.crc32c}" if data.crc32c else ""
    return f"{data.source}{pinned}: {count}{data.content}{checksum}"


COMMAND = ui.Command(
    lineage,
    examples=(
        "vertex-tuning lineage projects/P/locations/R/endpoints/E",
        "vertex-tuning lineage projects/P/locations/R/endpoints/E --json",
    ),
    exits={
        ui.Exit.OK: "everything that is served has a lineage",
        ui.Exit.FAILED: "something has none, or could not be looked at",
    },
)
