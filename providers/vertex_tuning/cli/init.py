"""The command ``init``: a team's first stack file for an environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..catalog import GLOBAL, TuningMode
from . import ui

AT_GLOBAL = (
    f"Tuned at {GLOBAL}: Google chooses a region with free machines, and what the job makes has that region "
    "in its name. For data that must stay in a region and for a key of your own, give --location. A bucket "
    "in a multi-region, such as US or EU, suits it."
)


def init(
    team: Annotated[str, typer.Option(help="The team that owns the stack.", show_default=False)],
    environment: Annotated[
        str, typer.Option("--env", help="The environment, such as dev or prod.", show_default=False)
    ],
    project: Annotated[
        str | None, typer.Option(help="Google Cloud project; required unless a shared file has it.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Region to tune and serve in; required unless a shared file has it.")
    ] = None,
    location: Annotated[
        str, typer.Option(help="Where the first service is tuned: global, as Google recommends, or a region.")
    ] = GLOBAL,
    bucket: Annotated[
        str | None, typer.Option(help="Bucket for data and weights. Default: PROJECT-tuning.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Training data of a first service: a path below the root, or gs://…")
    ] = None,
    service: Annotated[str, typer.Option(help="Name of the first service.")] = "tickets",
    base_model: Annotated[
        str, typer.Option(help="Base model of the first service.")
    ] = "meta/llama3_1@llama-3.1-8b",
    mode: Annotated[str, typer.Option(help="FULL or PEFT_ADAPTER.")] = "PEFT_ADAPTER",
    root: Annotated[Path, typer.Option(help="The folder that holds Pulumi.yaml.")] = Path(),
    *,
    json_output: ui.Json = False,
) -> None:
    """Create a validated stack file for a team environment."""
    from ..fit import baseline_line
    from ..stack import InvalidStack
    from ..stack.starter import starter

    if not (root / "Pulumi.yaml").exists():
        ui.fail(f"{root.resolve()} has no Pulumi.yaml. Change to the project's folder, or give --root")
    given = {key: value for key, value in (("project", project), ("region", region)) if value is not None}
    tuning = {"location": location, "base_model": base_model, "mode": mode, "training_data": data}
    try:
        made = starter(
            root, team, environment, given, bucket, {"name": service, "tuning": tuning} if data else None
        )
    except InvalidStack as error:
        ui.note(str(error).replace("nothing was changed", "nothing was written"), "red")
        raise typer.Exit(ui.Exit.FAILED) from error
    path = root / made.path
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x") as file:
            file.write(made.text)
    except FileExistsError:
        ui.fail(f"{made.path} exists already. Edit it, or remove it first")
    if json_output:
        ui.show_json(made)
        return
    if data:
        ui.note(baseline_line(base_model, TuningMode(mode)))
    if data and location == GLOBAL:
        ui.note(AT_GLOBAL)
    services = ", ".join(made.services) or "none yet; add one to the file"
    ui.screen().print(f"{made.path} is written. Services: {services}.")
    ui.note(
        f'Next: pulumi stack init {made.stack} --secrets-provider "gcpkms://…" (docs/how-to/state.md), '
        f"then: pulumi preview --stack {made.stack}"
    )


COMMAND = ui.Command(
    init,
    examples=(
        "vertex-tuning init --team search --env staging --project acme-search-staging",
        "vertex-tuning init --team ads --env dev --project acme-ads-dev --data data/tickets-train.jsonl",
    ),
    exits={
        ui.Exit.OK: "written",
        ui.Exit.FAILED: "the file would be invalid, or exists already; nothing was written",
    },
)
