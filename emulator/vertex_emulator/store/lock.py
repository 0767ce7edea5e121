"""One server for one data folder."""

import fcntl
from pathlib import Path
from typing import IO

from vertex_emulator.store.database import DATABASE


class DataLocked(Exception):
    """The data folder is locked by another server, or is not a data folder."""


def lock_data(data: Path) -> IO[str]:
    """Hold the folder until the file is closed or the process ends, however it ends. Raises DataLocked."""
    data.mkdir(parents=True, exist_ok=True)
    if (data / "buckets").exists() and not (data / DATABASE).exists():
        # Our `buckets` is rebuilt at every start: never treat a foreign folder as it.
        raise DataLocked(f"{data} is no data folder of the emulator: it has buckets, but no {DATABASE}.")
    file = (data / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DataLocked(f"Another server works on {data}.") from None
    return file
