"""Write docs/models.md: what can be tuned, where, and on which machines it can be served.

python tools/models.py
"""

from __future__ import annotations

from pathlib import Path

from vertex_tuning import catalog
from vertex_tuning.catalog import BaseModel, TuningMode

TARGET = Path(__file__).resolve().parent.parent / "docs" / "models.md"
GUIDE = """# Models and machines

Made by `python tools/models.py` from the catalogue; a test holds the two together. A name that is not here
is a mistake in a stack file, and the preview offers the nearest ones.

## Base models

The longest example is in tokens; what of a longer one is trained on, Vertex AI does not say, and a preview
warns. `?`: the mode is allowed, and Google's pages name no limit. `-`: the mode is not allowed. *Later*
models are on a later page of Google's than the guide that this project began with.
"""
MACHINES = """
## Machines

What is billed is the machine, whatever it does. *Holds* names the largest of the models above whose
weights, at 16 bits a parameter, are smaller than the accelerators' memory; room for long questions, and for
many at once, comes on top. A preview warns where a model cannot fit, unless `serving.container` is your
own.
"""


def page() -> str:
    """The whole page, as Markdown."""
    lines = [GUIDE, "| model | `base_model` | weights | longest, `FULL` | longest, `PEFT_ADAPTER` | |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for model in catalog.models():
        limits = " | ".join(_limit(model, mode) for mode in TuningMode)
        later = "" if model.source == "guide" else "later"
        lines.append(f"| {model.label} | `{model.id}` | {model.weights_gb} GB | {limits} | {later} |")
    lines += [
        "",
        "## Regions",
        "",
        "Open models are tuned in these regions, and served where they were tuned.",
        "",
    ]
    lines += [
        f"- `{region.id}`{'' if region.source == 'guide' else ' (later)'}" for region in catalog.regions()
    ]
    memory = catalog.accelerator_memory
    lines += [MACHINES, "| machine | accelerators | memory | holds |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{machine}` | {count} x `{accelerator}` | {memory(machine)} GB | {_held(machine)} |"
        for machine, accelerator, count in catalog.machines()
    ]
    return "\n".join(lines) + "\n"


def _limit(model: BaseModel, mode: TuningMode) -> str:
    if mode not in model.max_sequence:
        return "-"
    limit = model.max_sequence[mode]
    return f"{limit:,}" if limit else "?"


def _held(machine: str) -> str:
    memory = catalog.accelerator_memory(machine)
    return max(
        (model for model in catalog.models() if model.weights_gb < memory), key=lambda model: model.weights_gb
    ).label


if __name__ == "__main__":
    TARGET.write_text(page())
