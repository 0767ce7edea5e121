"""The arguments of a service: checked as far as their text goes, and the files that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pulumi import Output
from pydantic import ValidationError

from . import holdout, prompts
from .dataset import Dataset, inspect_cached
from .fit import image_problem
from .problems import Problem, path_of, problems_of
from .resources.tuning_dataset.checks import first_findings
from .sources import as_typed
from .specs import ServiceSpec, Spec, TuningSpec, is_local

_DATA = ("training_data", "validation_data")


def parse(
    arguments: Mapping[str, Any], at: tuple[str | int, ...] = ()
) -> tuple[ServiceSpec | None, list[Problem]]:
    """Validate a service without reading data. The spec is ``None`` if there are problems."""
    outputs = [path_of([*at, *path]) for path in _outputs(arguments)]
    try:
        return ServiceSpec.model_validate(arguments), []
    except ValidationError as error:
        found = [m for m in problems_of(error, ServiceSpec, at) if m.path not in outputs]
        return None, [*(Problem(path, _NO_OUTPUT) for path in outputs), *found]


_NO_OUTPUT = (
    "is an output of another resource, and a preview has to know this value. Pass a plain "
    'value: what you gave that resource, or a configuration value, such as config.require("project")'
)


def _outputs(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The keys of Pulumi outputs among plain values."""
    if isinstance(value, Output):
        yield at
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _outputs(each, (*at, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _outputs(each, (*at, index))


def read_datasets(tuning: Any, at: str = "") -> tuple[dict[str, Dataset], list[Problem]]:
    """Read a ``tuning``'s local files, even if the rest of it is invalid.

    For known content only the file's attributes are read.
    """
    written = tuning.given() if isinstance(tuning, TuningSpec) else tuning
    found: dict[str, Dataset] = {}
    mistakes: list[Problem] = []
    for key in _DATA:
        source = written.get(key) if isinstance(written, Mapping) else None
        if not isinstance(source, str) or not source or not is_local(source):
            continue
        seen = inspect_cached(Path(source))
        if seen.dataset is not None:
            found[source] = seen.dataset
        else:
            where = f"{at}.tuning.{key}".removeprefix(".")
            mistakes.append(Problem(where, f"{as_typed(source)}: {first_findings(seen, most=5)}"))
    return found, [*mistakes, *(_unfit(written, found, at) if found else ())]


def _unfit(tuning: Mapping[str, Any], found: Mapping[str, Dataset], at: str) -> Iterator[Problem]:
    """Why Vertex AI would refuse valid files for this model or in this combination."""
    model = tuning.get("base_model")
    files = {key: str(tuning[key]) for key in _DATA if tuning.get(key) in found}
    for key, source in files.items():
        if isinstance(model, str) and (problem := image_problem(model, found[source])):
            yield Problem(f"{at}.tuning.{key}".removeprefix("."), f"{as_typed(source)}: {problem}")
    if len(files) == len(_DATA):
        training, validation = files.values()
        facts = holdout.Facts.of(found[training]), holdout.Facts.of(found[validation])
        for problem in holdout.problems(*facts, as_typed(training)):
            where = f"{at}.tuning.validation_data".removeprefix(".")
            yield Problem(where, f"{as_typed(validation)}: {problem}")


def unfit_prompts(serving: Any, at: str = "") -> list[Problem]:
    """Problems of a ``serving``'s evaluation prompts, even if the rest of it is invalid."""
    written = serving.given() if isinstance(serving, Spec) else serving
    evaluation = written.get("evaluation") if isinstance(written, Mapping) else None
    written = evaluation.given() if isinstance(evaluation, Spec) else evaluation
    path = written.get("prompts") if isinstance(written, Mapping) else None
    if not isinstance(path, str) or not path or not is_local(path):
        return []
    try:
        prompts.read(Path(path))
    except ValueError as error:
        return [Problem(f"{at}.serving.evaluation.prompts".removeprefix("."), f"{as_typed(path)}: {error}")]
    return []
