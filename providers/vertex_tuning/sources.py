"""Paths of local data relative to the project's folder, as users write them."""

from __future__ import annotations

import os
from pathlib import Path

from .specs import is_local


def from_root(source: str, program: str | os.PathLike[str]) -> str:
    """A source as written in the stack file, from the program's relative path.

    Args:
        source: a ``gs://`` address, or a path.
        program: the program's folder, relative to the project's.
    """
    if not is_local(source) or Path(source).is_absolute():
        return source
    return os.path.normpath(Path(program) / source)


def as_typed(source: str) -> str:
    """The same for the program that runs now; the project's folder is the nearest with a ``Pulumi.yaml``."""
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").is_file()), here)
    return from_root(source, here.relative_to(root))
