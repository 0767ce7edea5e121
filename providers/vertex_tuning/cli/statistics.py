"""The statistics that `validate` prints about a file. Pure."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .. import catalog, fit, holdout
from ..catalog import TuningMode
from ..dataset import Digests, Outcome, Repeats, Survey, at_most, at_rate, longer_than


class Limit(Struct, frozen=True):
    """The longest sequence in tokens that some models take."""

    tokens: int
    of: str


class Overlap(Struct, frozen=True):
    """Examples of a validation file that are also in a training file, with the first line there."""

    path: str
    examples: Repeats


class Look(Struct, frozen=True):
    """All that is known of one file.

    `refused` says why Vertex AI refuses a good file for the model, or beside the training files; `unsure`
    says what is not known about it; `overlaps` is there for a validation file only. `rate` is the number of
    billed tokens for each character, where it was measured for the model.
    """

    path: Path
    outcome: Outcome
    lengths: dict[int, int]
    digests: Digests
    limits: tuple[Limit, ...]
    duplicates: Repeats
    overlaps: tuple[Overlap, ...]
    refused: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    rate: float | None = None

    @property
    def fit(self) -> bool:
        """Whether the file can be used."""
        return not self.outcome.has_errors and not self.refused


def limits(model: str | None, mode: TuningMode | None) -> tuple[Limit, ...]:
    """The length limits of the model in the mode, or of all models and modes that match.

    Raises ValueError for an unknown model, and for a
    mode without a model or one that it does not allow.
    """
    if mode and not model:
        raise ValueError("--mode needs --model")
    chosen = [catalog.find_model(model)] if model else catalog.models()
    if model and mode and mode not in chosen[0].max_sequence:
        raise ValueError(
            f"{model} cannot be tuned with {mode}; it allows {', '.join(chosen[0].max_sequence)}"
        )
    of: dict[int, list[str]] = {}
    for each in chosen:
        for allowed, tokens in each.max_sequence.items():
            if tokens and mode in {None, allowed}:
                of.setdefault(tokens, []).append(f"{each.label} with {allowed}")
    return tuple(Limit(tokens, _first_of(names)) for tokens, names in sorted(of.items()))


def _first_of(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def rate_of(model: str | None, mode: TuningMode | None) -> float | None:
    """Billed tokens for each character of a model's data; the most of its modes where none is chosen."""
    if model is None:
        return None
    return catalog.highest_rate(model, [mode] if mode else catalog.find_model(model).max_sequence)


def look(
    path: Path,
    found: Survey,
    limits: tuple[Limit, ...],
    others: Sequence[Look],
    model: str | None = None,
    rate: float | None = None,
) -> Look:
    """The result for a file; `others` are training files, with which it must share no example."""
    dataset = found.outcome.dataset
    images = fit.image_problem(model, dataset) if model and dataset else None
    unsure = fit.image_warning(model, dataset) if model and dataset else None
    return Look(
        path=path,
        outcome=_measured(found.outcome, rate),
        lengths=found.lengths,
        digests=found.digests,
        limits=limits,
        duplicates=found.digests.repeats(),
        overlaps=tuple(
            Overlap(str(other.path), found.digests.repeats_from(other.digests)) for other in others
        ),
        refused=(
            *([images] if images else []),
            *(problem for other in others for problem in _beside(found.outcome, other)),
        ),
        unsure=(unsure,) if unsure else (),
        rate=rate,
    )


def _measured(outcome: Outcome, rate: float | None) -> Outcome:
    """The same with its tokens counted at a measured rate; classes of lengths keep the rule of thumb."""
    found = outcome.dataset
    if rate is None or found is None:
        return outcome
    counted = msgspec.structs.replace(
        found,
        estimated_tokens=at_rate(found.estimated_tokens, rate),
        completion_tokens_estimate=at_rate(found.completion_tokens_estimate, rate),
        longest_example_tokens=at_most(found.longest_example_tokens, rate),
    )
    return msgspec.structs.replace(outcome, dataset=counted)


def _beside(validation: Outcome, training: Look) -> Iterator[str]:
    """Why Vertex AI would refuse the file as validation data of this training file."""
    if validation.dataset is not None and training.outcome.dataset is not None:
        yield from holdout.problems(
            holdout.Facts.of(training.outcome.dataset),
            holdout.Facts.of(validation.dataset),
            str(training.path),
        )


def as_json(look: Look) -> dict[str, Any]:
    """The result as JSON; statistics are null for a file that cannot be used."""
    return {
        # An unusable file has no dataset, so the path is included.
        "path": str(look.path),
        **msgspec.to_builtins(look.outcome),
        "refused": list(look.refused),
        "unsure": list(look.unsure),
        "statistics": _statistics(look) if look.outcome.dataset else None,
    }


def _statistics(look: Look) -> dict[str, Any]:
    return {
        "tokens_for_each_character": look.rate,
        "lengths": [
            {"up_to_tokens": 1 << exponent, "examples": count}
            for exponent, count in sorted(look.lengths.items())
        ],
        "limits": [
            {"tokens": limit.tokens, "of": limit.of, "longer": longer_than(limit.tokens, look.lengths)}
            for limit in look.limits
        ],
        "duplicates": msgspec.to_builtins(look.duplicates),
        "in_training": msgspec.to_builtins(look.overlaps),
    }
