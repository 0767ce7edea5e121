"""The application: every command, and what holds for all of them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer
from stamina.instrumentation import set_on_retry_hooks

from . import doctor, init, lineage, predict, prices, reconcile, report, schema, status, ui, validate, weights

COMMANDS = (
    init.COMMAND,
    schema.COMMAND,
    validate.COMMAND,
    reconcile.COMMAND,
    status.COMMAND,
    predict.COMMAND,
    lineage.COMMAND,
    doctor.COMMAND,
    prices.COMMAND,
    report.COMMAND,
    weights.COMMAND,
)

app = typer.Typer(
    name="vertex-tuning",
    cls=ui.Commands,
    help="Tuned open models on Vertex AI: check data, finish rollouts, ask models, find unmanaged resources.",
    epilog="\n\n".join(
        (
            ui.block(
                "Examples", ("vertex-tuning validate data/tickets-train.jsonl", "vertex-tuning init --help")
            ),
            ui.block("Exit codes", tuple(f"{code:d}  {code.meaning}" for code in ui.Exit)),
        )
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    command.add_to(app)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(version("pulumi-vertex-tuning"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep subcommand names even with a single command."""
    # Retries that succeed are not logged; those that fail end in their own error.
    set_on_retry_hooks([])
