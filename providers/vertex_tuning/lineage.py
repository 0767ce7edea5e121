"""What stands behind tuned weights: kept beside them, and handed on with them."""

from __future__ import annotations

from typing import Any

import msgspec

from .checkpoints import output_of
from .decoding import REFUSED

FILE = "lineage.json"


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One dataset: its identity, where it came from, where the job read it, and how many examples it has.

    ``generation`` is the source's, if that is an object; ``crc32c`` is of the bytes that the job read.
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
    """A tuning: what was trained on what, by whom, and out of which commit.

    ``owner`` is Pulumi's project, stack and service. ``job``, ``ended`` and ``losses`` are known when it
    is over. Of a distillation ``labelled`` is the dataset with the answers of the ``teacher``.
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
    """Where the lineage of these weights is: in the folder of their tuning, beside what Vertex AI wrote."""
    return f"{output_of(artifacts_uri)}/{FILE}"


def read(content: bytes) -> Lineage:
    """A lineage out of its file.

    Raises:
        ValueError: it is not one.
    """
    try:
        return _LINEAGE.decode(content)
    except REFUSED as error:
        raise ValueError(str(error)) from error


def of_inputs(said: dict[str, Any]) -> Lineage | None:
    """A lineage as it passes through Pulumi; ``None`` for those of states from before it was whole."""
    return msgspec.convert(said, Lineage, strict=False) if "fingerprint" in said else None
