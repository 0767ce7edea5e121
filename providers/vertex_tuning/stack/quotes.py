"""Text that YAML reads as something else: reported as it is written, with the quotes that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ..problems import Problem
from .files import Plain, plain_values

_TEXT_WANTED = "must be text, not "


def as_written(problems: Iterable[Problem], root: Path) -> Iterator[Problem]:
    """The mistakes, whose paths begin with a file, with values as written there where quotes are missing."""
    values = cache(plain_values)
    for mistake in problems:
        file, _, path = mistake.path.partition(": ")
        known = values(root / file) if path else {}
        found = known.get(path) or known.get(f"config.{path}")
        yield Problem(mistake.path, _problem(found)) if found and _unquoted(mistake, found) else mistake


def _unquoted(mistake: Problem, found: Plain) -> bool:
    # Pulumi makes a long text of a date, which then has the wrong form for every key.
    return mistake.problem.startswith(_TEXT_WANTED) or found.read_as == "a date"


def _problem(found: Plain) -> str:
    return f'must be text, and YAML reads {found.text} as {found.read_as}: put it in quotes, "{found.text}"'
