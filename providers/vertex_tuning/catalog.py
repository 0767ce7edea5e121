"""The catalogue: base models, locations and machines, as data.

The data are in ``catalog.json``, whose ``sources`` name Google's pages and their dates.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec


class TuningMode(enum.StrEnum):
    """The tuning mode."""

    FULL = "FULL"
    PEFT_ADAPTER = "PEFT_ADAPTER"


class FailureKind(enum.StrEnum):
    """Transient failures of a tuning job."""

    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    CAPACITY = "capacity"


BYTES_A_PARAMETER = 2
ASSUMED_TOKENS = 0.317
"""Billed tokens per character if unmeasured: the highest measured rate."""
TEACHERS = (
    "deepseek-ai/deepseek-r1-0528-maas",
    "deepseek-ai/deepseek-v3.2-maas",
    "qwen/qwen3-next-80b-a3b-thinking-maas",
)
"""Managed models that can be teachers of a distillation."""
STUDENTS = ("qwen/qwen3@", "google/gemma3@")
"""Id prefixes of models that can be students: Qwen 3 4B to 32B, Gemma 3 1B to 27B."""
LABELLED = "distillation_labelled_dataset.jsonl"
"""A distillation's dataset in the job's output folder: the prompts with the teacher's answers."""
ADAPTER_SIZES = (1, 4, 8, 16, 32)
"""Adapter sizes of the tuning service. The API's type also has 2."""
EPOCHS = 3
"""Google's baseline for every model."""
GLOBAL = "global"
"""The tuning location in which Google chooses the region."""
FINAL = "postprocess/node-0/checkpoints/final"
"""The folder of tuned weights below a job's output folder (tuning guide)."""
TUNING_QUOTA = "Global concurrent managed OSS model fine-tuning jobs per project"
"""The quota's display name in Cloud Quotas; its id is not documented."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source of the catalogue, with its date."""

    of: str
    date: str
    source: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of Google's own tuning scripts for a model in a mode."""

    learning_rate: float
    adapter_size: int | None = None


class BaseModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A base model.

    Attributes:
        id: in the form ``PUBLISHER/MODEL@VERSION``.
        max_sequence: for each mode that it allows, the longest example in tokens.
        managed: its name as a managed model, if Google's pages have one.
        baselines: by mode; Google publishes none for some models.
    """

    id: str
    label: str
    parameters_billion: int
    max_sequence: dict[TuningMode, int]
    managed: str | None = None
    baselines: dict[TuningMode, Baseline] = {}

    @property
    def weights_gb(self) -> int:
        """The approximate size of its weights in GB, with 16 bits a parameter."""
        return self.parameters_billion * BYTES_A_PARAMETER


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The config.json of a base model.

    Attributes:
        models: ids of the base models that it applies to.
        sizes: by their names in config.json; empty if no public config.json was available.
    """

    models: tuple[str, ...]
    model_type: str
    sizes: dict[str, int] = {}


class Images(enum.StrEnum):
    """A model's support for examples with images."""

    NONE = "none"  # text only
    ALONE = "alone"  # one example with an image makes Vertex AI drop those without


class ImageSupport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Image support of the models whose ids begin with ``family``."""

    family: str
    images: Images


class TokenRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Billed training tokens per character of the data, as Google measured them, by mode.

    It applies to models whose ids begin with ``family``.
    """

    family: str
    rates: dict[TuningMode, float]


class Accelerator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accelerator, its memory in GB, and its number per machine type."""

    accelerator: str
    memory_gb: int
    counts: dict[str, int]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine type's CPUs and memory, billed by the hour like its accelerators."""

    machine: str
    vcpus: int
    memory_gib: int


class _Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: tuple[Source, ...]
    models: tuple[BaseModel, ...]
    architectures: tuple[Architecture, ...]
    images: tuple[ImageSupport, ...]
    token_rates: tuple[TokenRate, ...]
    tuning_locations: tuple[str, ...]
    regions: tuple[str, ...]
    machines: tuple[Accelerator, ...]
    shapes: tuple[Shape, ...]


_CATALOG = msgspec.json.Decoder(_Catalog)


@cache
def _catalog() -> _Catalog:
    return _CATALOG.decode(Path(__file__).with_suffix(".json").read_bytes())


def sources() -> tuple[Source, ...]:
    """The catalogue's sources."""
    return _catalog().sources


def models() -> tuple[BaseModel, ...]:
    """Every base model."""
    return _catalog().models


def date_of(part: str) -> str:
    """The date of a part of the catalogue, such as ``models`` or ``baselines``."""
    return next(source.date for source in sources() if part in source.of)


def tuning_locations() -> tuple[str, ...]:
    """Every location that tunes open models; ``global`` first."""
    return _catalog().tuning_locations


def tuning_regions() -> tuple[str, ...]:
    """The tuning locations that are regions."""
    return tuple(location for location in tuning_locations() if location != GLOBAL)


def regions() -> tuple[str, ...]:
    """Every region of Vertex AI; models can be served in any that has the machine."""
    return _catalog().regions


def machines() -> list[tuple[str, str, int]]:
    """Every machine type for serving, with its accelerator and its number."""
    return [
        (machine, a.accelerator, count) for a in _catalog().machines for machine, count in a.counts.items()
    ]


def accelerator_memory(machine_type: str) -> int:
    """The total accelerator memory of a machine type in GB."""
    return next(a.memory_gb * a.counts[machine_type] for a in _catalog().machines if machine_type in a.counts)


def holding(gigabytes: int) -> list[str]:
    """Per accelerator, the smallest machine type with more than so many GB of memory."""
    fewest = (
        min(
            (machine for machine in a.counts if a.counts[machine] * a.memory_gb > gigabytes),
            key=lambda machine: a.counts[machine],
            default=None,
        )
        for a in _catalog().machines
    )
    return [machine for machine in fewest if machine is not None]


def shapes() -> tuple[Shape, ...]:
    """Every machine type's virtual CPUs and memory."""
    return _catalog().shapes


def nearest_name(wrong: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known names, or all of them."""
    known = list(known)
    near = difflib.get_close_matches(wrong, known, n=3, cutoff=0.6) or known
    return "did you mean " + " or ".join(near) if len(near) <= 3 else "known are " + ", ".join(near)


_LONG = re.compile(r"publishers/([^/]+)/models/([^/]+)")


def short_id(model_id: str) -> str:
    """A base model's id as ``PUBLISHER/MODEL@VERSION``, from either of Google's forms."""
    found = _LONG.fullmatch(model_id)
    return f"{found[1]}/{found[2]}" if found else model_id


def known_model(model_id: str) -> BaseModel | None:
    """The base model with this id, in either form, or ``None``."""
    return next((model for model in models() if model.id == short_id(model_id)), None)


def find_model(model_id: str) -> BaseModel:
    """The base model with this id, in either form.

    Raises:
        ValueError: it is not in the catalogue; the text has the nearest names.
    """
    model = known_model(model_id)
    if model is not None:
        return model
    short = short_id(model_id)
    known = [model.id for model in models()]
    if "/" in short and "@" not in short:
        meant = [name for name in known if name.partition("@")[0] == short]
        raise ValueError(
            f"{model_id!r} has no version, which Vertex AI refuses (Invalid open source publisher model "
            f"resource name); {nearest_name(short, meant or known)}"
        )
    meant = [name for name in known if name.partition("@")[2] == short]
    raise ValueError(f"unknown base model {model_id!r}; {nearest_name(short, meant or known)}")


def managed_name(model_id: str) -> str:
    """A base model's name as a managed model.

    Raises:
        ValueError: Google's pages name none; the text has those of other models.
    """
    names = {model.id: model.managed for model in models() if model.managed}
    if short_id(model_id) in names:
        return names[short_id(model_id)]
    raise ValueError(
        f"Google's pages name no managed model for {model_id}. Name one that Vertex AI serves, "
        f"such as {' or '.join(names.values())}"
    )


def images(model_id: str) -> Images | None:
    """A model's image support, or ``None`` if unknown."""
    short = short_id(model_id)
    return next((each.images for each in _catalog().images if short.startswith(each.family)), None)


def measured_tokens(model_id: str, mode: str) -> float | None:
    """Billed tokens per character of the data, or ``None`` if unmeasured."""
    short = short_id(model_id)
    rates = next((each.rates for each in _catalog().token_rates if short.startswith(each.family)), {})
    return next((rate for measured, rate in rates.items() if measured == mode), None)


def highest_rate(model_id: str, modes: Iterable[str]) -> float | None:
    """The most billed tokens for each character measured in one of these modes; ``None`` if none was."""
    return max(filter(None, (measured_tokens(model_id, mode) for mode in modes)), default=None)


def billed_tokens(model_id: str, mode: str, characters: int) -> int:
    """The estimated training tokens of so many characters, in one epoch."""
    rate = measured_tokens(model_id, mode) or ASSUMED_TOKENS
    return math.ceil(characters * rate)


def architecture_of(model_id: str) -> Architecture:
    """The architecture of a base model, if known."""
    return next(found for found in _catalog().architectures if model_id in found.models)


def find_location(location: str) -> str:
    """Return the tuning location if it is valid.

    Raises:
        ValueError: open models cannot be tuned there; the text lists where they can.
    """
    known = tuning_locations()
    if location in known:
        return location
    # List all: the nearest name may be on another continent.
    raise ValueError(f"open models cannot be tuned in {location!r}; they can in {', '.join(known)}")


def find_region(region: str) -> str:
    """Return the region if it is valid.

    Raises:
        ValueError: Vertex AI has no such region, or it is ``global``, which serves nothing.
    """
    if region in regions():
        return region
    if region == GLOBAL:
        raise ValueError(
            f"{GLOBAL!r} is not a region that can serve models. To tune there, set tuning.location: {GLOBAL}"
        )
    raise ValueError(f"Vertex AI has no region {region!r}; {nearest_name(region, regions())}")


def find_machine(machine_type: str) -> tuple[str, int]:
    """A machine type's accelerator and its number.

    Raises:
        ValueError: no such machine type; the text has the nearest names.
    """
    found = {machine: (accelerator, count) for machine, accelerator, count in machines()}
    if machine_type not in found:
        raise ValueError(f"unknown machine type {machine_type!r}; {nearest_name(machine_type, found)}")
    return found[machine_type]
