"""Write docs/models.md: what can be tuned, where, and on which machines it can be served.

python tools/models.py
"""

from __future__ import annotations

from pathlib import Path

from vertex_tuning import catalog
from vertex_tuning.catalog import BaseModel, TuningMode

TARGET = Path(__file__).resolve().parent.parent / "docs" / "models.md"
GUIDE = """# Models and machines

Made by `python tools/models.py` from the catalogue; a test holds the two together. A preview refuses a
model that is not here and offers the nearest ones. Google adds models every few months:
`base_model_unlisted: true` beside `base_model` takes one that this version does not know, with a warning
and without an estimate.

## Base models

Both forms of an id are accepted, `PUBLISHER/MODEL@VERSION` and
`publishers/PUBLISHER/models/MODEL@VERSION`; the version is required. The longest example is in tokens, and
a preview warns of longer ones. `-`: the mode is not allowed. *Baseline* is what Google's own tuning scripts
start with: the learning rate, and with `PEFT_ADAPTER` the adapter size; 3 epochs for every model.
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
    columns = ["model", "`base_model`", "weights", "longest, `FULL`", "longest, `PEFT_ADAPTER`"]
    columns += ["baseline, `FULL`", "baseline, `PEFT_ADAPTER`"]
    lines = [GUIDE, f"| {' | '.join(columns)} |", f"| {' | '.join(['---'] * len(columns))} |"]
    for model in catalog.models():
        limits = " | ".join(_limit(model, mode) for mode in TuningMode)
        baselines = " | ".join(_baseline(model, mode) for mode in TuningMode)
        lines.append(f"| {model.label} | `{model.id}` | {model.weights_gb} GB | {limits} | {baselines} |")
    lines += ["", "Sources:", ""]
    lines += [f"- {each.of}: {each.source} ({each.date})" for each in catalog.sources()]
    lines += ["", "## Locations", "", "`tuning.location` is one of:", ""]
    lines += [f"- `{location}`" for location in catalog.tuning_locations()]
    lines += ["", "`serving.region` is any region of Vertex AI that has the machine:", ""]
    lines += [", ".join(f"`{region}`" for region in catalog.regions())]
    memory = catalog.accelerator_memory
    lines += [MACHINES, "| machine | accelerators | memory | holds |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{machine}` | {count} x `{accelerator}` | {memory(machine)} GB | {_held(machine)} |"
        for machine, accelerator, count in catalog.machines()
    ]
    return "\n".join(lines) + "\n"


def _limit(model: BaseModel, mode: TuningMode) -> str:
    return f"{model.max_sequence[mode]:,}" if mode in model.max_sequence else "-"


def _baseline(model: BaseModel, mode: TuningMode) -> str:
    found = model.baselines.get(mode)
    if found is None:
        return "-"
    return f"{found.learning_rate:g}" + (f", {found.adapter_size}" if found.adapter_size else "")


def _held(machine: str) -> str:
    memory = catalog.accelerator_memory(machine)
    return max(
        (model for model in catalog.models() if model.weights_gb < memory), key=lambda model: model.weights_gb
    ).label


if __name__ == "__main__":
    TARGET.write_text(page())
