"""Preview warnings for valid but risky services."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from . import catalog
from .catalog import TuningMode
from .dataset import Contents, Dataset, FindingKind, at_most, look_closer
from .sources import as_typed
from .specs import ServiceSpec, TuningSpec

_SMALL_A3 = ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g")


def too_long(tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """A line about each local file of a tuning whose longest example the model does not take whole.

    A warning and no mistake: tokens are estimated, and Vertex AI drops longer examples and tunes on the rest.
    """
    model = catalog.known_model(tuning.base_model)
    limit = model.max_sequence.get(tuning.mode) if model is not None else None
    for source in dict.fromkeys((tuning.training_data, tuning.validation_data)):
        found = datasets.get(source) if source else None
        if not (source and found and limit):
            continue
        longest = at_most(
            found.longest_example_tokens, catalog.measured_tokens(tuning.base_model, tuning.mode)
        )
        if longest > limit:
            typed = as_typed(source)
            yield (
                f"{typed}: the longest example has about {longest:,} tokens, and "
                f"{tuning.base_model} takes {limit:,} in mode {tuning.mode.value} and drops longer ones; "
                f"`vertex-tuning validate {typed} --model {tuning.base_model} --mode {tuning.mode.value}` "
                "says how many are too long"
            )


def too_large(spec: ServiceSpec) -> Iterator[str]:
    """A warning about a base model whose weights do not fit the machine's accelerators.

    Not an error: sizes are rounded, and a custom container may use fewer bits.
    """
    serving = spec.serving
    if spec.tuning is None or not spec.serve or serving.container is not None:
        return
    model = catalog.known_model(spec.tuning.base_model)
    memory = catalog.accelerator_memory(serving.machine_type)
    if model is None or model.weights_gb < memory:
        return
    accelerators = f"{serving.accelerator_count} x {serving.accelerator_type}"
    yield (
        f"serving.machine_type: the weights of {model.id} take about {model.weights_gb} GB, and the "
        f"{accelerators} of {serving.machine_type} have {memory} GB; "
        f"machines that fit: {', '.join(catalog.holding(model.weights_gb))}"
    )


FAR_OFF = {"learning_rate": 10.0, "epochs": 5.0, "adapter_size": 8.0}
"""The factor from which a parameter is far from Google's baseline."""


def baseline(base_model: str, mode: TuningMode) -> dict[str, float]:
    """Google's baseline by parameter; empty if Google publishes none."""
    model = catalog.known_model(base_model)
    found = model.baselines.get(mode) if model is not None else None
    if found is None:
        return {}
    size = {"adapter_size": found.adapter_size} if found.adapter_size else {}
    return {"learning_rate": found.learning_rate, "epochs": catalog.EPOCHS, **size}


def baseline_line(base_model: str, mode: TuningMode) -> str:
    """The baseline as a sentence."""
    values = baseline(base_model, mode)
    if not values:
        return f"Google publishes no baseline for {base_model} with {mode.value}"
    told = ", ".join(f"{name} {value:g}" for name, value in values.items())
    return (
        f"Google's own scripts start {catalog.short_id(base_model)} with {mode.value} at {told} "
        f"(as of {catalog.date_of('baselines')})"
    )


def unusual(tuning: TuningSpec) -> Iterator[str]:
    """Warnings about an unknown model and about parameters far from the baseline."""
    model = catalog.known_model(tuning.base_model)
    if tuning.base_model_unlisted and (model is None or tuning.mode not in model.max_sequence):
        yield (
            f"tuning.base_model: {tuning.base_model} with {tuning.mode.value} is not in the catalogue of "
            f"{catalog.date_of('models')}: mode and lengths are not checked, and costs may be unknown"
        )
    elif tuning.base_model_unlisted:
        yield f"tuning.base_model_unlisted: the catalogue now has {tuning.base_model}; remove the key"
    for name, value in baseline(tuning.base_model, tuning.mode).items():
        chosen = getattr(tuning, name)
        if chosen is not None and not 1 / FAR_OFF[name] < chosen / value < FAR_OFF[name]:
            yield f"tuning.{name}: {chosen:g}. {baseline_line(tuning.base_model, tuning.mode)}"


def machine_warnings(spec: ServiceSpec) -> Iterator[str]:
    """Warnings about flex-start and about machines that may not be offered."""
    serving = spec.serving
    if not spec.serve:
        return
    if serving.flex_start is not None:
        yield (
            f"serving.flex_start: Vertex AI undeploys the model {serving.flex_start.max_runtime} after its "
            "start, and callers get errors from then on; `pulumi up --refresh` deploys it again"
        )
    small = serving.machine_type in _SMALL_A3 and not serving.spot and serving.flex_start is None
    if small and serving.reservation is None:
        yield (
            f"serving.machine_type: {serving.machine_type} is probably offered only as a spot or flex-start "
            "machine; set serving.spot or serving.flex_start"
        )


def runs_commands(spec: ServiceSpec) -> Iterator[str]:
    """A warning that names the command that an evaluation runs."""
    evaluation = spec.serving.evaluation if spec.serve else None
    if evaluation is not None and evaluation.command is not None:
        yield (
            f"serving.evaluation.command: runs `{shlex.join(evaluation.command)}` in "
            f"{evaluation.directory} with the rights of whoever runs up"
        )


def asks_a_teacher(tuning: TuningSpec) -> Iterator[str]:
    """A warning about a teacher's cost, which no estimate includes."""
    if tuning.distillation is not None:
        yield (
            f"tuning.distillation: the answers of {tuning.distillation.teacher} are billed separately "
            "by its tokens, and use its quota; the estimate does not include them"
        )


def spoiled(tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """Warnings about repeated examples and validation examples in the training data."""
    source, other = tuning.training_data, tuning.validation_data
    training = datasets.get(source)
    if training is None:
        return
    validation = datasets.get(other) if other else None
    found = look_closer(training, validation)
    if not (found.leaked or found.duplicates):
        return
    first, second = as_typed(source), as_typed(other or "")
    with_validation = f" --validation {second}" if validation is not None else ""
    which = f"`vertex-tuning validate {first}{with_validation}` says which"
    if found.leaked:
        yield (
            f"{second}: examples that are in {first} too: {found.leaked:,}, so it does not show "
            f"how the model does on what it has not seen; {which}"
        )
    if found.duplicates:
        yield f"{first}: repeated examples: {found.duplicates:,}, each paid for like the first; {which}"


def image_problem(base_model: str, found: Contents) -> str | None:
    """Why a model cannot be tuned on the images of a file, or ``None``."""
    if not found.image_examples:
        return None
    known, text_only = catalog.images(base_model), found.examples - found.image_examples
    if known is catalog.Images.NONE:
        return (
            f"examples with images: {found.image_examples:,}, and {base_model} reads text only. "
            "Take them out, or tune a model that reads images"
        )
    if known is catalog.Images.ALONE and text_only:
        return (
            f"examples with images: {found.image_examples:,}, without: {text_only:,}. {base_model} is tuned "
            "on either: one image makes Vertex AI drop every example without. Keep one kind in a file"
        )
    return None


def image_warning(base_model: str, found: Contents) -> str | None:
    """A warning if a model's image support is unknown, or ``None``."""
    if not found.image_examples or catalog.images(base_model) is not None:
        return None
    return (
        f"examples with images: {found.image_examples:,}; whether {base_model} can be tuned on images is not "
        "known. See Google's page on tuning open models. What images cost is not in the estimate"
    )


def warned(tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """Warnings about allowed but probably unintended content of local files."""
    for source in dict.fromkeys((tuning.training_data, tuning.validation_data)):
        found = datasets.get(source) if source else None
        if source and found:
            lines = [*warnings_of(found), image_warning(tuning.base_model, found)]
            yield from (f"{as_typed(source)}: {line}" for line in lines if line)


def warnings_of(found: Dataset) -> Iterator[str]:
    """One line per kind of warning: the first one and their number."""
    for finding in found.warned:
        if finding.kind is not FindingKind.BLANK_LINE:
            count = found.warnings[finding.kind]
            more = f", and {count - 1:,} more like it" if count > 1 else ""
            yield f"line {finding.line}: {finding.message}{more}"


def preview_warnings(spec: ServiceSpec, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """Warnings about a valid service that may fail or cost more than it has to."""
    if (tuning := spec.tuning) is not None:
        yield from unusual(tuning)
        yield from too_long(tuning, datasets)
        yield from warned(tuning, datasets)
        yield from spoiled(tuning, datasets)
        yield from asks_a_teacher(tuning)
    yield from too_large(spec)
    yield from machine_warnings(spec)
    yield from runs_commands(spec)
