"""Local training data for open-model tuning: read, detect, validate, count and fingerprint.

`inspect` reads a file once; `inspect_cached` does so only when the file has changed since, and `survey` looks
closer. Importing this package loads msgspec and the standard library, nothing else.
"""

from vertex_tuning.dataset.cache import inspect_cached
from vertex_tuning.dataset.closer import look_closer
from vertex_tuning.dataset.digests import Digests, Repeat, Repeats
from vertex_tuning.dataset.inspection import Survey, inspect, survey
from vertex_tuning.dataset.lengths import longer_than
from vertex_tuning.dataset.model import (
    Contents,
    Dataset,
    DatasetFormat,
    Finding,
    FindingKind,
    Inspection,
    Outcome,
    Severity,
    at_most,
    at_rate,
    estimate_tokens,
)

__all__ = [
    "Contents",
    "Dataset",
    "DatasetFormat",
    "Digests",
    "Finding",
    "FindingKind",
    "Inspection",
    "Outcome",
    "Repeat",
    "Repeats",
    "Severity",
    "Survey",
    "at_most",
    "at_rate",
    "estimate_tokens",
    "inspect",
    "inspect_cached",
    "longer_than",
    "look_closer",
    "survey",
]
