"""Whether the examples of a dataset fit into the sequences of the model that they are to tune."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from . import catalog
from .dataset import Dataset
from .specs import TuningSpec


def too_long(tuning: TuningSpec, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """A line about each local file of a tuning whose longest example the model does not take whole.

    A warning and no mistake: tokens are estimated, and Vertex AI does not say what it does with the rest.
    """
    limit = catalog.find_model(tuning.base_model).max_sequence[tuning.mode]
    for source in dict.fromkeys((tuning.training_data, tuning.validation_data)):
        found = datasets.get(source) if source else None
        if found and limit and found.longest_example_tokens > limit:
            yield (
                f"{source}: the longest example has about {found.longest_example_tokens:,} tokens, and "
                f"{tuning.base_model} takes {limit:,} in mode {tuning.mode.value}; shorten it, or see with "
                f"`vertex-tuning validate {source} --model {tuning.base_model} --mode {tuning.mode.value}` "
                "how many are too long"
            )
