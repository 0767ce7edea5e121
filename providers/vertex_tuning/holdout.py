"""Vertex AI's rules for validation data. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .dataset import Contents

MOST_SHARE = 0.25
"""Share of the training file's bytes; 25.03 % was refused."""
MOST_ROWS = 5000
ADVICE = "hold out about 10 % of the examples"


class Facts(msgspec.Struct, frozen=True):
    """Facts of one file of a pair; ``None`` if not read."""

    size: int
    examples: int | None = None
    format: str | None = None

    @classmethod
    def of(cls, found: Contents) -> Facts:
        """The facts of a file."""
        return cls(found.size, found.examples, found.format.value)


def problems(training: Facts, validation: Facts, training_name: str) -> Iterator[str]:
    """Every reason why Vertex AI would refuse this validation data, with figures and fix."""
    if training.format and validation.format and training.format != validation.format:
        yield (
            f"it is in the format {validation.format}, and {training_name} in {training.format}: "
            "both files of a tuning need the same format. Convert one of them"
        )
    if validation.size > MOST_SHARE * training.size:
        share = validation.size / max(training.size, 1)
        yield (
            f"it has {validation.size:,} bytes, {share:.2%} of the {training.size:,} of {training_name}: "
            f"Vertex AI takes at most {MOST_SHARE:.0%} ({int(MOST_SHARE * training.size):,}). "
            f"Make it smaller: {ADVICE}"
        )
    if validation.examples is not None and validation.examples > MOST_ROWS:
        yield (
            f"it has {validation.examples:,} examples: Vertex AI takes at most {MOST_ROWS:,}. "
            "Move the others to the training data"
        )
