"""Report unquoted text that YAML reads as another type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ..problems import Problem
from .files import Plain, plain_values

_TEXT_WANTED = "must be text, not "


def as_written(problems: Iterable[Problem], root: Path) -> Iterator[Problem]:
    """The problems, with values as written in the file where quotes are missing."""
    values = cache(plain_values)
    for mistake in problems:
        file, _, path = mistake.path.partition(": ")
        known = values(root / file) if path else {}
        found = known.get(path) or known.get(f"config.{path}")
        yield Problem(mistake.path, _problem(found)) if found and _unquoted(mistake, found) else mistake


def _unquoted(mistake: Problem, found: Plain) -> bool:
    # Pulumi turns a date into a long text, which no key accepts.
    return mistake.problem.startswith(_TEXT_WANTED) or found.read_as == "a date"


def _problem(found: Plain) -> str:
    return f'must be text, and YAML reads {found.text} as {found.read_as}: put it in quotes, "{found.text}"'
