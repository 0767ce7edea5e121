"""Upload a checkpoint: existing equal files are skipped, nothing is replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ..checksums import crc32c_text
from ..problems import Problem
from ..vertex.client import Blob, Storage
from ..vertex.errors import AlreadyExists, NotFound
from .checkpoint import Checkpoint, File

AT_ONCE = 4
"""Number of parallel uploads."""
_READ = 16 * 1024 * 1024


class Step(msgspec.Struct, frozen=True):
    """An uploaded file, now or in an earlier run."""

    name: str
    size: int
    sent: bool


class Pushed(msgspec.Struct, frozen=True):
    """A checkpoint in the bucket; ``uri`` is what ``custom_base_model`` takes."""

    uri: str
    files: tuple[Step, ...]


def push(
    storage: Storage, checkpoint: Checkpoint, uri: str, say: Callable[[Step], None]
) -> tuple[Pushed | None, list[Problem]]:
    """Upload every file to ``uri``, config.json last; the next run continues an interrupted one.

    Tunings identify weights by their URI: an existing file with other content, or one that is not part of the
    checkpoint, is a problem, and nothing is uploaded.

    Raises:
        VertexError: Google refused, or an upload is incomplete.
    """
    there = {blob.uri.removeprefix(f"{uri}/"): blob for blob in storage.listed(uri)}
    problems = _in_the_way(there, checkpoint, uri)
    if problems:
        return None, problems

    def arrive(file: File) -> Step:
        sent = file.name not in there
        if sent:
            _send(storage, file, f"{uri}/{file.name}")
        step = Step(file.name, file.size, sent)
        say(step)
        return step

    *rest, config = checkpoint.files
    with ThreadPoolExecutor(AT_ONCE) as pool:
        steps = list(pool.map(arrive, rest))
    steps.append(arrive(config))
    _arrived(storage.listed(uri), checkpoint, uri)
    return Pushed(uri, tuple(steps)), []


def _in_the_way(there: dict[str, Blob], checkpoint: Checkpoint, uri: str) -> list[Problem]:
    files = {file.name: file for file in checkpoint.files}
    problems = [
        Problem(f"{uri}/{name}", "is not part of this checkpoint. Push to a separate folder")
        for name in sorted(there.keys() - files.keys())
    ]
    for name in sorted(there.keys() & files.keys()):
        blob, file = there[name], files[name]
        if blob.size != file.size or blob.crc32c != checksum(file.path):
            problems.append(Problem(f"{uri}/{name}", "exists with other content. Push to a separate folder"))
    return problems


def _send(storage: Storage, file: File, uri: str) -> None:
    arrived = storage.send(file.path, uri, if_generation=0)
    if arrived is not None:
        return
    # Another run was faster, or this call succeeded and its answer was lost.
    there = storage.stat(uri)
    if there is None or there.crc32c != checksum(file.path):
        raise AlreadyExists(f"{uri} was written by another run meanwhile. Push to a separate folder")


def _arrived(there: Iterable[Blob], checkpoint: Checkpoint, uri: str) -> None:
    sizes = {blob.uri: blob.size for blob in there}
    for file in checkpoint.files:
        if sizes.get(f"{uri}/{file.name}") != file.size:
            raise NotFound(f"{uri}/{file.name} was not uploaded completely. Run the command again")


def checksum(path: Path) -> str:
    """A file's CRC32C as Cloud Storage shows it."""
    import google_crc32c

    found = 0
    with path.open("rb") as file:
        while piece := file.read(_READ):
            found = google_crc32c.extend(found, piece)
    return crc32c_text(found)
