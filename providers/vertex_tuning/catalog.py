"""What can be tuned, where, and on which machines it can be served: stated once, as data.

The data lie in ``catalog.json``. ``source`` tells a fact of the tuning guide that this project
implements (``guide``) from one that later versions of Google's page added (``later page``).
"""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec


class TuningMode(enum.StrEnum):
    """How much of the model is trained."""

    FULL = "FULL"
    PEFT_ADAPTER = "PEFT_ADAPTER"


class FailureKind(enum.StrEnum):
    """Failures of a tuning job that may pass: its data and parameters are not to blame."""

    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    CAPACITY = "capacity"


Source = Literal["guide", "later page"]
BYTES_A_PARAMETER = 2
ASSUMED_TOKENS = 0.317
"""Billed tokens for each character where none was measured: the most that was measured for any family."""
ADAPTER_SIZES = (1, 2, 4, 8, 16, 32)
FINAL = "postprocess/node-0/checkpoints/final"
"""Where Vertex AI leaves the tuned weights below a job's output folder (tuning guide)."""
TUNING_QUOTA = "Global concurrent managed OSS model fine-tuning jobs per project"
"""The quota's display name in Cloud Quotas; its id is not documented."""


class BaseModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A base model: its id, and per mode that it allows the longest sequence in tokens, if known.

    ``managed`` is the name under which Vertex AI serves it by itself, if Google's pages name one.
    """

    id: str
    label: str
    parameters_billion: int
    max_sequence: dict[TuningMode, int | None]
    source: Source
    managed: str | None = None

    @property
    def weights_gb(self) -> int:
        """About what its weights take in GB, in the 16 bits in which they are published and tuned."""
        return self.parameters_billion * BYTES_A_PARAMETER


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What config.json of a base model says on its hub.

    Attributes:
        models: ids of the base models that it holds for.
        sizes: by their names in config.json; empty where no public config.json was at hand.
    """

    models: tuple[str, ...]
    model_type: str
    sizes: dict[str, int] = {}


class TokenRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Billed training tokens for each character of the data, as Google measured them, by mode.

    ``family`` is how the ids of the models begin that it holds for.
    """

    family: str
    rates: dict[TuningMode, float]


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A region where open models can be tuned."""

    id: str
    source: Source


class Accelerator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accelerator, its memory in GB, and how many of it each machine type carries."""

    accelerator: str
    memory_gb: int
    counts: dict[str, int]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a machine type is made of beside its accelerators: both are billed by the hour."""

    machine: str
    vcpus: int
    memory_gib: int


class _Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[BaseModel, ...]
    architectures: tuple[Architecture, ...]
    token_rates: tuple[TokenRate, ...]
    regions: tuple[Region, ...]
    machines: tuple[Accelerator, ...]
    shapes: tuple[Shape, ...]


_CATALOG = msgspec.json.Decoder(_Catalog)


@cache
def _catalog() -> _Catalog:
    return _CATALOG.decode(Path(__file__).with_suffix(".json").read_bytes())


def models() -> tuple[BaseModel, ...]:
    """Every base model, those of the guide first."""
    return _catalog().models


def regions() -> tuple[Region, ...]:
    """Every region that tunes open models, those of the guide first."""
    return _catalog().regions


def machines() -> list[tuple[str, str, int]]:
    """Every machine type that serves, with its accelerator and how many of it it carries."""
    return [
        (machine, a.accelerator, count) for a in _catalog().machines for machine, count in a.counts.items()
    ]


def accelerator_memory(machine_type: str) -> int:
    """GB of memory that the accelerators of a machine type have together."""
    return next(a.memory_gb * a.counts[machine_type] for a in _catalog().machines if machine_type in a.counts)


def holding(gigabytes: int) -> list[str]:
    """Of each accelerator, the machine type with the fewest whose memory is larger than so many GB."""
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
    """The end of a message about an unknown name: the nearest known ones, or all when none is near."""
    known = list(known)
    near = difflib.get_close_matches(wrong, known, n=3, cutoff=0.6) or known
    return "did you mean " + " or ".join(near) if len(near) <= 3 else "known are " + ", ".join(near)


def find_model(model_id: str) -> BaseModel:
    """The base model with this id.

    Raises:
        ValueError: no such model; the text offers the nearest names.
    """
    for model in models():
        if model.id == model_id:
            return model
    known = [model.id for model in models()]
    meant = [name for name in known if name.partition("@")[2] == model_id]
    raise ValueError(f"unknown base model {model_id!r}; {nearest_name(model_id, meant or known)}")


def managed_name(model_id: str) -> str:
    """The name under which Vertex AI serves a base model by itself.

    Raises:
        ValueError: Google's pages name none; the text offers those of other models.
    """
    names = {model.id: model.managed for model in models() if model.managed}
    if model_id in names:
        return names[model_id]
    raise ValueError(
        f"Vertex AI does not serve {model_id} by itself, as far as its pages say; name a model that it does "
        f"serve, such as {' or '.join(names.values())}"
    )


def measured_tokens(model_id: str, mode: str) -> float | None:
    """Billed tokens for each character of the data; ``None`` for a model and mode that nobody measured."""
    rates = next((each.rates for each in _catalog().token_rates if model_id.startswith(each.family)), {})
    return next((rate for measured, rate in rates.items() if measured == mode), None)


def billed_tokens(model_id: str, mode: str, characters: int) -> int:
    """Training tokens that so many characters are likely to be billed as, in one epoch."""
    rate = measured_tokens(model_id, mode) or ASSUMED_TOKENS
    return math.ceil(characters * rate)


def architecture_of(model_id: str) -> Architecture:
    """The architecture of a base model that the catalogue knows."""
    return next(found for found in _catalog().architectures if model_id in found.models)


def find_region(region: str) -> str:
    """The region itself, if open models can be tuned there.

    Raises:
        ValueError: they cannot; the text offers those where they can.
    """
    known = [r.id for r in regions()]
    if region in known:
        return region
    # All of them: the nearest name may be on another continent.
    raise ValueError(f"open models cannot be tuned in {region!r}; they can in {', '.join(known)}")


def find_machine(machine_type: str) -> tuple[str, int]:
    """The accelerator that a machine type carries, and how many of it.

    Raises:
        ValueError: no such machine type; the text offers the nearest names.
    """
    found = {machine: (accelerator, count) for machine, accelerator, count in machines()}
    if machine_type not in found:
        raise ValueError(f"unknown machine type {machine_type!r}; {nearest_name(machine_type, found)}")
    return found[machine_type]
