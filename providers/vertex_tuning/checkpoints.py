"""Paths of a tuning's final weights and intermediate checkpoints below its output folder."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .catalog import FINAL

FOLDER = FINAL.rpartition("/")[0]
MOST = 10
"""Maximum number of intermediate checkpoints; one per epoch below ten epochs."""
_TUNED = re.compile(rf"(.+)/{re.escape(FOLDER)}/(?:final|checkpoint-[0-9]+)")


def folder_of(output_uri: str) -> str:
    """The folder of all weights of a job with this output folder."""
    return f"{output_uri}/{FOLDER}"


def uri_of(output_uri: str, number: int | None = None) -> str:
    """The folder of a job's final weights, or of the checkpoint with this number."""
    return f"{output_uri}/{FINAL}" if number is None else f"{folder_of(output_uri)}/checkpoint-{number}"


def output_of(weights_uri: str) -> str:
    """The output folder of the job that wrote these weights; the folder itself for other weights."""
    found = _TUNED.fullmatch(weights_uri)
    return found[1] if found else weights_uri


def weights(uris: Iterable[str], output_uri: str) -> list[str]:
    """The objects of a job's final weights and of its intermediate checkpoints."""
    listed = list(uris)
    last = [uri for uri in listed if uri.startswith(f"{uri_of(output_uri)}/")]
    return last + [uri for found in intermediate(listed, output_uri).values() for uri in found]


def intermediate(uris: Iterable[str], output_uri: str) -> dict[int, list[str]]:
    """The objects of a job's intermediate checkpoints, by number."""
    inside = re.compile(rf"{re.escape(folder_of(output_uri))}/checkpoint-(0|[1-9][0-9]{{0,17}})/.+")
    found: dict[int, list[str]] = {}
    for uri in uris:
        if at := inside.fullmatch(uri):
            found.setdefault(int(at[1]), []).append(uri)
    return dict(sorted(found.items()))


def kept(epochs: int, *, last_only: bool) -> int:
    """The number of sets of weights that a tuning keeps."""
    return 1 if last_only else 1 + min(epochs, MOST)
