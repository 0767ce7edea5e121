"""Replace files atomically."""

from __future__ import annotations

import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file atomically: readers see the old or the new content.

    Args:
        path: in an existing folder.
        content: all of it.
        mode: permissions of a new file; an existing one keeps its own.

    Raises:
        OSError: it cannot be written; no temporary file remains.
    """
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  an open descriptor has no path
            file.write(content)
        new.chmod(path.stat().st_mode if path.exists() else mode)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
