"""The command ``weights``: check and upload weights to tune from."""

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
    """The action on the weights."""

    CHECK = "check"
    PUSH = "push"


def weights(
    action: Annotated[Action, typer.Argument(help="check only checks; push checks, then uploads.")],
    folder: Annotated[Path, typer.Argument(help="A Hugging Face model folder.", show_default=False)],
    to: Annotated[
        str, typer.Argument(help="For push: gs://BUCKET/FOLDER, a separate folder.", show_default=False)
    ] = "",
    *,
    base_model: Annotated[
        str, typer.Option(help="Id of the base model whose architecture the weights have.")
    ],
    json_output: ui.Json = False,
) -> None:
    """Check a weights folder against a base model and upload it.

    Use the uploaded folder as `custom_base_model`. Nothing is uploaded unless all checks pass. Repeat an
    interrupted push: complete files are skipped, an incomplete one starts over.
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
        ui.note(f"skipped, because no model needs it: {', '.join(checkpoint.left_out)}")
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
        raise typer.BadParameter("push needs a target: gs://BUCKET/FOLDER", param_hint="TO")
    uri = ui.as_written(GcsUri, to, "TO")
    if uri.count("/") < 3:
        raise typer.BadParameter(f"{to!r} has no folder in the bucket", param_hint="TO")
    return uri


def _refuse(action: Action, problems: list[Problem]) -> NoReturn:
    left = ", nothing was uploaded" if action is Action.PUSH else ""
    if len(problems) == 1:
        ui.fail(f"{problems[0]}{left}")
    for problem in problems:
        ui.note(str(problem))
    ui.fail(f"{len(problems)} problems, see above{left}")


def _say(step: Step) -> None:
    ui.note(f"{step.name}: {'uploaded' if step.sent else 'exists'}, {step.size:,} bytes", "dim")


COMMAND = ui.Command(
    weights,
    examples=(
        "vertex-tuning weights check ours --base-model meta/llama3_1@llama-3.1-8b",
        "vertex-tuning weights push ours gs://acme-tuning/bases/ours --base-model meta/llama3_1@llama-3.1-8b",
    ),
    exits={
        ui.Exit.OK: "fit, and there",
        ui.Exit.FAILED: "unusable weights, conflicting files, or refused by Google",
    },
)
