"""Inspections kept between runs, so that an unchanged file costs one look at its metadata."""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from vertex_tuning.dataset.inspection import inspect
from vertex_tuning.dataset.model import FindingKind, Inspection
from vertex_tuning.decoding import REFUSED
from vertex_tuning.replacing import replace_file

# Counted up whenever the same bytes would be inspected to another result.
SCHEMA: Final = 2

# File systems stamp times as coarsely as two seconds (FAT), and a file may be written twice within one tick.
# Such a file could change without its metadata showing it, so nothing is kept for a file this young.
SETTLED_NS: Final = 2_000_000_000

# These say more about the moment than about the bytes, and can end without a new time stamp on the file.
_FLEETING: Final = frozenset(
    {FindingKind.MISSING, FindingKind.NOT_A_FILE, FindingKind.UNREADABLE, FindingKind.CHANGED_WHILE_READ}
)


class _Stamp(Struct, frozen=True):
    """What changes when a file does."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    schema: int = SCHEMA

    @classmethod
    def of(cls, path: Path) -> Self:
        status = path.stat()
        return cls(str(path.absolute()), status.st_size, status.st_mtime_ns, status.st_ino)


class _Entry(Struct, frozen=True):
    stamp: _Stamp
    inspection: Inspection


_ENTRY: Final = msgspec.json.Decoder(_Entry)


def default_cache_folder() -> Path:
    """`pulumi-vertex-tuning/datasets` in the user's cache folder: XDG_CACHE_HOME, else ~/.cache.

    Raises RuntimeError when the user has no home folder.
    """
    # The XDG specification says that a relative path there is to be ignored.
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    root = configured if configured.is_absolute() else Path.home() / ".cache"
    return root / "pulumi-vertex-tuning" / "datasets"


def inspect_cached(path: Path, cache_folder: Path | None = None) -> Inspection:
    """`inspect`, or what it said last time about a file whose metadata has not changed since.

    Good and bad inspections are both kept: each follows from the bytes alone. Not kept is what was found
    about a file that is missing, unreadable, being written, or younger than two seconds. There is one small
    entry for each path. A cache that is corrupt, unreadable or not writable is ignored.
    `cache_folder` defaults to `default_cache_folder()`.
    """
    try:
        stamp = _Stamp.of(path)
        entry = _entry_file(stamp, cache_folder or default_cache_folder())
    except (OSError, RuntimeError):
        return inspect(path)
    known = _load(entry)
    if known is not None and known.stamp == stamp:
        return _under_name(known.inspection, path)
    inspection = inspect(path)
    settled = time.time_ns() - stamp.mtime_ns >= SETTLED_NS
    if settled and _FLEETING.isdisjoint(inspection.counts):
        with suppress(OSError):
            if _Stamp.of(path) == stamp:
                store(entry, _Entry(stamp, inspection))
    return inspection


def _entry_file(stamp: _Stamp, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(os.fsencode(stamp.path)).hexdigest()}.json"


def _under_name(inspection: Inspection, path: Path) -> Inspection:
    if inspection.dataset is None:
        return inspection
    return replace(inspection, dataset=replace(inspection.dataset, path=str(path)))


def _load(entry: Path) -> _Entry | None:
    try:
        return _ENTRY.decode(entry.read_bytes())
    except (OSError, *REFUSED):
        return None


def store(entry: Path, content: Struct) -> None:
    """Write whole or not at all, so that no other process ever reads half an entry."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    replace_file(entry, msgspec.json.encode(content), mode=0o600)
