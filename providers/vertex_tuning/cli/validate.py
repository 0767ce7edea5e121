"""The command ``validate``: check training files before anything is uploaded or paid for."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ..catalog import TuningMode, find_model
from ..dataset import survey
from ..fit import baseline_line
from ..specs import is_local
from . import findings, statistics, ui

_DATA_HELP = "Training files, in JSON Lines."
_VALIDATION_HELP = (
    "A validation file: checked against Vertex AI's limits and for examples that are in the training files."
)
_MODEL_HELP = (
    "Base model: its longest sequence, whether it takes images, and its measured tokens for each character."
)
_MODE_HELP = "Tuning mode, on which that length and the number of tokens may depend."


def validate(
    files: Annotated[list[Path], typer.Argument(help=_DATA_HELP, show_default=False)],
    *,
    validation: Annotated[Path | None, typer.Option(metavar="FILE", help=_VALIDATION_HELP)] = None,
    model: Annotated[str | None, typer.Option(metavar="ID", help=_MODEL_HELP)] = None,
    mode: Annotated[TuningMode | None, typer.Option(help=_MODE_HELP)] = None,
    json_output: ui.Json = False,
) -> None:
    """Check local training files and show statistics."""
    for file in (*files, *([validation] if validation else [])):
        if not is_local(str(file)):
            ui.fail(f"{file} is not a local file. Download it first and give its path", ui.Exit.USAGE)
    try:
        limits = statistics.limits(model, mode)
    except ValueError as error:
        ui.fail(str(error), ui.Exit.USAGE)
    if model:
        for each in [mode] if mode else find_model(model).max_sequence:
            ui.note(baseline_line(model, each))
    rate = statistics.rate_of(model, mode)
    looks: list[statistics.Look] = []
    everything = [*files, *([validation] if validation else [])]
    with ui.progress("reading", sum(map(_size, everything)), shown=not json_output) as advance:
        for file in everything:
            found = survey(file, advance)
            others = looks if file is validation else ()
            looks.append(statistics.look(file, found, limits, others, model, rate))
    if json_output:
        ui.show_json([statistics.as_json(look) for look in looks])
    else:
        screen = ui.screen()
        for line in findings.report(looks, "█" if screen.encoding.startswith("utf") else "#"):
            screen.print(line)
    raise typer.Exit(ui.Exit.OK if all(look.fit for look in looks) else ui.Exit.FAILED)


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0


COMMAND = ui.Command(
    validate,
    examples=(
        "vertex-tuning validate data/tickets-train.jsonl",
        "vertex-tuning validate data/tickets-train.jsonl --validation data/tickets-validation.jsonl",
        "vertex-tuning validate data/*.jsonl --model meta/llama3_1@llama-3.1-8b --mode PEFT_ADAPTER --json",
    ),
    exits={ui.Exit.OK: "every file is valid; warnings are allowed", ui.Exit.FAILED: "a file is invalid"},
)
