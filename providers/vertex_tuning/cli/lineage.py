"""The command that shows the lineage of served models."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from rich.text import Text

from .. import lineage as lineages
from ..served import Served, look
from ..vertex import connect
from . import states, ui


def lineage(
    endpoint: states.Endpoint,
    *,
    stack: states.Stack = "",
    json_output: ui.Json = False,
) -> None:
    """Show the lineage of the model an endpoint serves: data, base model, parameters, job, commit."""
    endpoint = states.endpoint_name(endpoint, stack)
    with ui.asking(endpoint):
        found = look(connect(), endpoint)
    if json_output:
        ui.show_json(found)
    elif not found:
        ui.screen().print("No model is deployed on this endpoint.")
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
        "vertex-tuning lineage tickets --stack search-dev",
        "vertex-tuning lineage projects/P/locations/R/endpoints/E --json",
    ),
    exits={
        ui.Exit.OK: "everything that is served has a lineage",
        ui.Exit.FAILED: "a served model has no lineage, or it could not be read",
    },
)
