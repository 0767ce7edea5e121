"""The command that brings weights from a hub into a bucket, to tune from them."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .. import catalog
from ..problems import Problem
from ..specs import GcsUri
from ..vertex import Connection, connect
from ..weights import Step, examine, push
from . import ui


class Action(enum.StrEnum):
    """What to do with the weights."""

    CHECK = "check"
    PUSH = "push"


def weights(
    action: Annotated[Action, typer.Argument(help="check only looks; push checks, then uploads.")],
    folder: Annotated[Path, typer.Argument(help="A Hugging Face model folder.", show_default=False)],
    to: Annotated[
        str, typer.Argument(help="For push: gs://BUCKET/FOLDER, a folder of its own.", show_default=False)
    ] = "",
    *,
    base_model: Annotated[str, typer.Option(help="Id of the base model that the weights stand in for.")],
    json_output: ui.Json = False,
) -> None:
    """Check the weights in a folder against a base model, and bring them into a bucket.

    The result is what `custom_base_model` takes. Nothing is uploaded while anything is wrong. A push that was
    cut off is run again: files that have arrived are left, and one that was cut off starts over.
    """
    connection = Connection.from_environment()
    uri = _target(action, to)
    try:
        base = catalog.find_model(base_model)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--base-model") from None
    checkpoint, problems = examine(folder, base, embedded=connection.endpoint is not None)
    if checkpoint is None:
        _refuse(action, problems)
    ui.note(f"{folder}: {len(checkpoint.files)} files, {checkpoint.size:,} bytes; {checkpoint.compared}")
    if checkpoint.left_out:
        ui.note(f"left out, because no model needs it: {', '.join(checkpoint.left_out)}")
    if action is Action.CHECK:
        if json_output:
            ui.show_json({"files": [file.name for file in checkpoint.files], "compared": checkpoint.compared})
        return
    with ui.asking(uri):
        pushed, problems = push(connect(connection).storage, checkpoint, uri, _say)
    if pushed is None:
        _refuse(action, problems)
    if json_output:
        ui.show_json(pushed)
    else:
        ui.screen().print(pushed.uri)


def _target(action: Action, to: str) -> str:
    if action is Action.CHECK:
        return ""
    if not to:
        raise typer.BadParameter("push needs to know where to: gs://BUCKET/FOLDER", param_hint="TO")
    uri = ui.as_written(GcsUri, to, "TO")
    if uri.count("/") < 3:
        raise typer.BadParameter(f"{to!r} names no folder in the bucket", param_hint="TO")
    return uri


def _refuse(action: Action, problems: list[Problem]) -> NoReturn:
    left = ", nothing was uploaded" if action is Action.PUSH else ""
    if len(problems) == 1:
        ui.fail(f"{problems[0]}{left}")
    for problem in problems:
        ui.note(str(problem))
    ui.fail(f"{len(problems)} mistakes, as told above{left}")


def _say(step: Step) -> None:
    ui.note(f"{step.name}: {'sent' if step.sent else 'is there'}, {step.size:,} bytes", "dim")


COMMAND = ui.Command(
    weights,
    examples=(
        "vertex-tuning weights check ours --base-model meta/llama3_1@llama-3.1-8b",
        "vertex-tuning weights push ours gs://acme-tuning/bases/ours --base-model meta/llama3_1@llama-3.1-8b",
    ),
    exits={ui.Exit.OK: "fit, and there", ui.Exit.FAILED: "unfit, in the way, or refused by Google"},
)
