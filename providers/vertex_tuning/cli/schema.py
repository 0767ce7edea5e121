"""The command ``schema``: the JSON Schema of stack files."""

from __future__ import annotations

from typing import Annotated

import typer

from . import ui


def schema(
    *,
    shared: Annotated[
        bool,
        typer.Option("--shared", help="The schema of shared files: defaults.yaml, environments/, teams/."),
    ] = False,
    _: Annotated[
        bool, typer.Option("--json", help="Accepted for consistency: the schema is always JSON.")
    ] = False,
) -> None:
    """Print the JSON Schema (draft 2020-12) of stack files."""
    from ..stack.schema import shared_schema, stack_schema

    ui.show_json(shared_schema() if shared else stack_schema())


COMMAND = ui.Command(
    schema,
    examples=(
        "vertex-tuning schema > stacks/schema.json",
        "vertex-tuning schema --shared > stacks/shared.schema.json",
    ),
    exits={ui.Exit.OK: "printed"},
)
