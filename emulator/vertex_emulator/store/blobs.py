"""The bytes of objects: immutable files with generated names, and a readable view of them.

A blob is `blobs/<two hex digits>/<uuid>`, so that no object name can ever reach a path. For people, each
object whose name is also a harmless relative path appears as a read-only hard link under
`buckets/<bucket>/<object name>`: it costs no space, nothing reads it back, and it is rebuilt at every start.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_MAX_PART = 255
_MAX_PATH = 3000


class Blobs:
    """The files under the data folder."""

    def __init__(self, data: Path) -> None:
        self._blobs = data / "blobs"
        self._view = data / "buckets"
        self._incoming = data / "incoming"
        for folder in (self._blobs, self._view, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, blob: str) -> Path:
        """Where a blob lies."""
        return self._blobs / blob[:2] / blob

    def incoming(self, upload: str) -> Path:
        """Where the bytes of an upload gather until it is complete. `upload` is one of our own hex ids."""
        return self._incoming / upload

    def create(self) -> tuple[str, BinaryIO]:
        """A file to write, under a new id for `keep` or `discard`."""
        upload = uuid.uuid4().hex
        return upload, self.incoming(upload).open("wb")

    def append(self, upload: str) -> BinaryIO:
        """The file of an upload, to write on at its end; it is made if it is not there."""
        path = self.incoming(upload)
        path.touch()
        path.chmod(0o644)  # read-only where a server was killed while it made a blob of it
        return path.open("ab")

    def keep(self, upload: str) -> str:
        """Turn complete incoming bytes into a blob and give its id."""
        return self.adopt(self.incoming(upload), link=False)

    def adopt(self, source: Path, *, link: bool = True) -> str:
        """Make a file a blob: by a hard link (or a copy across file systems), or by moving it."""
        blob = uuid.uuid4().hex
        target = self.path(blob)
        target.parent.mkdir(exist_ok=True)
        if link:
            _link_or_copy(source, target)
        else:
            source.replace(target)
        target.chmod(0o444)
        return blob

    def discard(self, upload: str) -> None:
        """Delete incoming bytes."""
        self.incoming(upload).unlink(missing_ok=True)

    def remove(self, blob: str) -> None:
        """Delete a blob. Open readers can continue."""
        self.path(blob).unlink(missing_ok=True)

    def materialise(self, blob: str, target: Path) -> None:
        """Put a blob's bytes at a local path for a worker to read."""
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(self.path(blob), target)

    def show(self, bucket: str, name: str, blob: str) -> None:
        """Make an object visible in the readable view, if its name allows; the view is a courtesy."""
        target = self._visible(bucket, name)
        if target is None:
            return
        # An object "a" and an object "a/b" cannot both be files; the first one stays visible.
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(self.path(blob), target)

    def hide(self, bucket: str, name: str) -> None:
        """Take an object out of the readable view, and the folders that it leaves empty."""
        target = self._visible(bucket, name)
        if target is None:
            return
        with contextlib.suppress(OSError):
            target.unlink()
            for folder in target.parents:
                if folder == self._view:
                    break
                folder.rmdir()

    def sweep(self, objects: Iterable[tuple[str, str, str]], uploads: set[str]) -> None:
        """At start: delete the files that a killed process left, and rebuild the view.

        `objects` are (bucket, name, blob); `uploads` are the incoming files of unfinished uploads.
        """
        shutil.rmtree(self._view)
        self._view.mkdir()
        known = set()
        for bucket, name, blob in objects:
            known.add(blob)
            self.show(bucket, name, blob)
        for path in self._blobs.glob("*/*"):
            if path.name not in known:
                path.unlink()
        for path in self._incoming.iterdir():
            if path.name not in uploads:
                path.unlink()

    def _visible(self, bucket: str, name: str) -> Path | None:
        parts = name.split("/")
        harmless = len(name) <= _MAX_PATH and "\0" not in name and "\\" not in name
        for part in parts:
            harmless = harmless and part not in {"", ".", ".."} and len(part.encode()) <= _MAX_PART
        return self._view.joinpath(bucket, *parts) if harmless else None


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
