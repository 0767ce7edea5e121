"""The command that writes a team's first stack file for an environment."""

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
    team: Annotated[str, typer.Option(help="Whose stack it is.", show_default=False)],
    environment: Annotated[str, typer.Option("--env", help="Such as dev or prod.", show_default=False)],
    project: Annotated[
        str | None, typer.Option(help="Google Cloud project; needed unless the team's file names it.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Where to tune and serve; needed unless it is shared.")
    ] = None,
    location: Annotated[
        str, typer.Option(help="Where the first service is tuned: global, as Google recommends, or a region.")
    ] = GLOBAL,
    bucket: Annotated[
        str | None, typer.Option(help="For data and weights; PROJECT-tuning if left out.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Training data of a first service: a path below the root, or gs://…")
    ] = None,
    service: Annotated[str, typer.Option(help="What the first service is called.")] = "tickets",
    base_model: Annotated[str, typer.Option(help="What it tunes.")] = "meta/llama3_1@llama-3.1-8b",
    mode: Annotated[str, typer.Option(help="FULL or PEFT_ADAPTER.")] = "PEFT_ADAPTER",
    root: Annotated[Path, typer.Option(help="The folder that holds Pulumi.yaml.")] = Path(),
    *,
    json_output: ui.Json = False,
) -> None:
    """Write the stack file of a team's environment, checked as a preview checks it."""
    from ..fit import baseline_line
    from ..stack import InvalidStack
    from ..stack.starter import starter

    if not (root / "Pulumi.yaml").exists():
        ui.fail(f"{root.resolve()} holds no Pulumi.yaml; go to the project's folder, or give --root")
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
        ui.fail(f"{made.path} is there already; edit it, or remove it first")
    if json_output:
        ui.show_json(made)
        return
    if data:
        ui.note(baseline_line(base_model, TuningMode(mode)))
    if data and location == GLOBAL:
        ui.note(AT_GLOBAL)
    services = ", ".join(made.services) or "none yet, name one in it"
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
        ui.Exit.FAILED: "it would have mistakes, or is there already; nothing was written",
    },
)
