"""A checked checkpoint into a bucket: what is there already is left, nothing is ever replaced."""

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
"""Files that travel at once: one connection seldom fills a line."""
_READ = 16 * 1024 * 1024


class Step(msgspec.Struct, frozen=True):
    """A file that has arrived, now or in an earlier run."""

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
    """Bring every file below ``uri``, config.json last; a run that was cut off is taken up by the next.

    What was tuned on these weights is known by their URI alone: so a file that is there with other
    content, or one that is no part of the checkpoint, is a mistake, and then nothing is sent.

    Raises:
        VertexError: Google refused, or what arrived is not what was sent.
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
        Problem(f"{uri}/{name}", "is no part of this checkpoint; push to a folder of its own")
        for name in sorted(there.keys() - files.keys())
    ]
    for name in sorted(there.keys() & files.keys()):
        blob, file = there[name], files[name]
        if blob.size != file.size or blob.crc32c != checksum(file.path):
            problems.append(
                Problem(f"{uri}/{name}", "is there with other content; push to a folder of its own")
            )
    return problems


def _send(storage: Storage, file: File, uri: str) -> None:
    arrived = storage.send(file.path, uri, if_generation=0)
    if arrived is not None:
        return
    # Somebody was faster, or it was this very call, whose answer was lost.
    there = storage.stat(uri)
    if there is None or there.crc32c != checksum(file.path):
        raise AlreadyExists(f"{uri} was written by somebody else meanwhile; push to a folder of its own")


def _arrived(there: Iterable[Blob], checkpoint: Checkpoint, uri: str) -> None:
    sizes = {blob.uri: blob.size for blob in there}
    for file in checkpoint.files:
        if sizes.get(f"{uri}/{file.name}") != file.size:
            raise NotFound(f"{uri}/{file.name} did not arrive whole; run it again")


def checksum(path: Path) -> str:
    """A file's CRC32C as Cloud Storage shows it."""
    import google_crc32c

    found = 0
    with path.open("rb") as file:
        while piece := file.read(_READ):
            found = google_crc32c.extend(found, piece)
    return crc32c_text(found)
