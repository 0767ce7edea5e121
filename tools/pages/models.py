"""What can be tuned, where, and on which machines it can be served, from the catalogue."""

from __future__ import annotations

from vertex_tuning import catalog
from vertex_tuning.catalog import BaseModel, TuningMode

from .markdown import made_from, table

GUIDE = f"""\
# Models and machines

{made_from("the catalogue")}

A preview refuses a model that is not here and offers the nearest ones. Google adds models every few months:
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
    """docs/models.md."""
    columns = ["model", "`base_model`", "weights", "longest, `FULL`", "longest, `PEFT_ADAPTER`"]
    columns += ["baseline, `FULL`", "baseline, `PEFT_ADAPTER`"]
    models = [
        (
            model.label,
            f"`{model.id}`",
            f"{model.weights_gb} GB",
            *(_limit(model, mode) for mode in TuningMode),
            *(_baseline(model, mode) for mode in TuningMode),
        )
        for model in catalog.models()
    ]
    machines = [
        (f"`{name}`", f"{count} x `{accelerator}`", f"{catalog.accelerator_memory(name)} GB", _held(name))
        for name, accelerator, count in catalog.machines()
    ]
    lines = [GUIDE, *table(columns, models), "", "Sources:", ""]
    lines += [f"- {each.of}: {each.source} ({each.date})" for each in catalog.sources()]
    lines += ["", "## Locations", "", "`tuning.location` is one of:", ""]
    lines += [f"- `{location}`" for location in catalog.tuning_locations()]
    lines += ["", "`serving.region` is any region of Vertex AI that has the machine:", ""]
    lines += [", ".join(f"`{region}`" for region in catalog.regions())]
    lines += [MACHINES, *table(["machine", "accelerators", "memory", "holds"], machines)]
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
