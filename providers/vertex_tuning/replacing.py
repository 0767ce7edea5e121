"""Files that others read while they are written."""

from __future__ import annotations

import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write whole or not at all: whoever reads it meanwhile sees the old file or the new one.

    Args:
        path: in a folder that is there.
        content: all of it.
        mode: of a file that is new; one that is there keeps its own.

    Raises:
        OSError: it cannot be written, and nothing of it is left.
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
