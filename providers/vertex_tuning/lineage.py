"""The lineage of tuned weights, stored beside them."""

from __future__ import annotations

from typing import Any

import msgspec

from .checkpoints import output_of
from .decoding import REFUSED

FILE = "lineage.json"


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dataset: its identity, source, the object that the job read, and its number of examples.

    ``generation`` is that of a source object; ``crc32c`` is of the bytes that the job read.
    """

    content: str
    source: str
    uri: str
    examples: int | None = None
    generation: str | None = None
    crc32c: str | None = None


class LossCurves(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The losses of a tuning, as pairs of step and value: for plots."""

    training: tuple[tuple[int, float], ...] = ()
    validation: tuple[tuple[int, float], ...] = ()


class Lineage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tuning's record: base model, data, owner and commit.

    ``owner`` is Pulumi's project, stack and service. ``job``, ``ended`` and ``losses`` are known at its
    end. For a distillation ``labelled`` is the dataset with the answers of the ``teacher``.
    """

    fingerprint: str
    owner: str
    base_model: str
    mode: str
    parameters: dict[str, int | float]
    training: Data
    validation: Data | None = None
    custom_base_model: str | None = None
    teacher: str | None = None
    labelled: str | None = None
    attempt: int = 1
    commit: str | None = None
    job: str | None = None
    ended: str | None = None
    losses: LossCurves | None = None


_LINEAGE = msgspec.json.Decoder(Lineage)


def uri_of(artifacts_uri: str) -> str:
    """The lineage's URI: in the tuning's folder, beside Vertex AI's output."""
    return f"{output_of(artifacts_uri)}/{FILE}"


def read(content: bytes) -> Lineage:
    """Parse a lineage file.

    Raises:
        ValueError: it is invalid.
    """
    try:
        return _LINEAGE.decode(content)
    except REFUSED as error:
        raise ValueError(str(error)) from error


def of_inputs(said: dict[str, Any]) -> Lineage | None:
    """Parse a lineage from Pulumi's values; ``None`` for incomplete ones of older states."""
    return msgspec.convert(said, Lineage, strict=False) if "fingerprint" in said else None
