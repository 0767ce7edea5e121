"""The names in answers to calls that make something: an answer without the right one says nothing."""

from __future__ import annotations

import re

from .. import names
from .errors import Unavailable


def job(name: str, project: str, location: str) -> str:
    """The name of a tuning job that was asked for in this place.

    Raises:
        Unavailable: the answer names none there.
    """
    return _of(names.JOB_NAME, "tuning job", name, project, location)


def operation(name: str, project: str, location: str) -> str:
    """The name of an operation that was started in this place.

    Raises:
        Unavailable: the answer names none there.
    """
    return _of(names.OPERATION_NAME, "operation", name, project, location)


def _of(form: str, what: str, name: str, project: str, location: str) -> str:
    if re.fullmatch(form, name) is not None:
        _, theirs, _, there, *_ = name.split("/")
        # Google answers with the project's number; what is asked for in `global` may run in a region.
        if (theirs == project or theirs.isdigit()) and location in (there, "global"):
            return name
    said = f"names {name[:200]!r}" if name else "has no name in it"
    raise Unavailable(
        f"Vertex AI answered, but not with the {what} that was asked for in {project}, {location}: "
        f"the answer {said}"
    )
