"""One view of Cloud Storage for all resources of a command: a folder's list answers for what is in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ..checkpoints import output_of
from .bounds import SMALL
from .client import Blob, Storage
from .errors import NotFound, PermissionMissing
from .memo import Answer, Known, Memo

MARK = "/.claims/"
MANY = 2000
"""Claims in a folder beyond which single reads are quicker than its list."""

Small = tuple[bytes, int] | None
"""A small object's bytes and generation, or that it is not there."""


class StorageView:
    """``client.Storage`` that asks another one as seldom as it can.

    Args:
        storage: what is asked.
        memo: what is known by now.
        claims_for: seconds for which a claim counts as it was read. A claim is changed at the generation that
            was read, so that an older one costs a second try and nothing else.
        write_pause: seconds between two writes of one object: Cloud Storage takes one a second.
    """

    def __init__(self, storage: Storage, memo: Memo, claims_for: float, write_pause: float = 0.0) -> None:
        self._storage = storage
        self._memo = memo
        self._claims_for = claims_for
        self._write_pause = write_pause
        self._wrote: dict[str, float] = {}
        self._written: set[str] = set()
        self._unlisted: set[str] = set()
        self.now = storage.now

    def stat(self, uri: str) -> Blob | None:
        """The object's identity, or ``None``; ``#GENERATION`` after the URI asks for that one."""
        listing = self._covering(uri) if "#" not in uri else None
        if listing is not None:
            return listing.get(uri)
        return self._memo.get(("stat", uri), lambda: self._storage.stat(uri))

    def read(self, uri: str, *, most: int = SMALL) -> Small:
        """A small object's bytes and generation, or ``None``."""
        if MARK in uri:
            return self._claim(uri, most)
        if self._memo.peek(("object", uri)) is None and (listing := self._covering(uri)) is not None:
            blob = listing.get(uri)
            if blob is None or blob.content is not None:
                return _small(blob)
        return self._memo.get(("object", uri), lambda: self._storage.read(uri, most=most))

    def listed(self, uri: str) -> tuple[Blob, ...]:
        """Every object below a folder."""
        folder = f"{uri.rstrip('/')}/"
        if MARK in folder:
            found = self._claims(_root(folder))
        else:
            # One list for a tuning's weights, those of its checkpoints and its lineage.
            root = f"{output_of(uri.rstrip('/'))}/"
            found = self._memo.get(("listed", root), partial(self._list, root))
        return tuple(blob for name, blob in found.items() if name.startswith(folder))

    def bucket_exists(self, uri: str) -> bool:
        """Whether the bucket of ``uri`` is there and can be listed."""
        bucket = uri.removeprefix("gs://").partition("/")[0]
        return self._memo.get(("bucket", bucket), lambda: self._storage.bucket_exists(uri))

    def _list(self, root: str) -> Mapping[str, Blob]:
        return {blob.uri: blob for blob in self._storage.listed(root)}

    def _covering(self, uri: str) -> Mapping[str, Blob] | None:
        """A list that is known and says whether this object is there, unless it was written since."""
        for folder in _folders(uri):
            known = self._memo.peek(("listed", folder))
            if known is not None and known.asked > self._memo.changed_at(("object", uri)):
                listing: Mapping[str, Blob] = known.value
                return listing
        return None

    # Claims

    def _known_claim(self, uri: str) -> Known | None:
        return self._memo.peek(("object", uri), longest=self._claims_for, settled=True)

    def _claim(self, uri: str, most: int) -> Small:
        def read() -> Small:
            key, ask = ("object", uri), partial(self._storage.read, uri, most=most)
            return self._memo.get(key, ask, longest=self._claims_for, settled=True)

        root = _root(uri)
        listing = self._memo.peek(("listed", root), longest=self._claims_for, settled=True)
        outdated = listing is not None and listing.asked < self._memo.changed_at(("object", uri))
        if self._known_claim(uri) is not None or outdated or root in self._unlisted:
            return read()
        try:
            blob = self._claims(root).get(uri)
        except NotFound:
            return None  # no bucket, no claims
        except PermissionMissing:
            self._unlisted.add(root)
            return read()
        return _small(blob) if blob is None or blob.content is not None else read()

    def _claims(self, root: str) -> Mapping[str, Blob]:
        """The claims of an output folder as they were listed, and as this process has written them since."""
        key, longest = ("listed", root), self._claims_for
        own = {uri: self._known_claim(uri) for uri in sorted(self._written) if uri.startswith(root)}
        listing = self._memo.peek(key, longest=longest, settled=True)
        if listing is not None and any(
            known is None and self._memo.changed_at(("object", uri)) > listing.asked
            for uri, known in own.items()
        ):
            self._memo.changed(key)
        found = self._memo.get(key, partial(self._list, root), longest=longest, settled=True)
        if len(found) > MANY:
            self._unlisted.add(root)
        listing = self._memo.peek(key, longest=longest, settled=True)
        newer = {
            uri: known for uri, known in own.items() if known and listing and known.asked > listing.asked
        }
        if not newer:
            return found
        both = dict(found)
        for uri, known in newer.items():
            both.pop(uri, None)
            if known.value is not None:
                content, generation = known.value
                size = len(content)
                both[uri] = Blob(uri=uri, generation=generation, crc32c="", size=size, content=content)
        return dict(sorted(both.items()))

    # What is written

    def write(self, uri: str, content: bytes, *, if_generation: int) -> int | None:
        """Write a small object if its generation is still this; ``None`` when it is not."""
        written: int | None = None
        # Not to be interrupted: what a call has just made is about to be written down.
        time.sleep(max(0.0, self._wrote.get(uri, 0.0) + self._write_pause - time.monotonic()))
        try:
            written = self._storage.write(uri, content, if_generation=if_generation)
        finally:
            self._wrote[uri] = time.monotonic()
            self._changed(uri)
            if written is not None:
                self._memo.put(("object", uri), (content, written))
        return written

    def remove(self, uri: str, *, if_generation: int) -> bool:
        """Delete if its generation is still this; gone already counts as done."""
        removed = False
        try:
            removed = self._storage.remove(uri, if_generation=if_generation)
        finally:
            self._changed(uri)
            if removed:
                self._memo.put(("object", uri), None)
        return removed

    def upload(self, path: Path, uri: str) -> Blob:
        """Upload a file to a content-addressed name; an equal object there is left as it is."""
        blob = self._changing(uri, lambda: self._storage.upload(path, uri))
        self._memo.put(("stat", uri), blob)
        return blob

    def send(self, path: Path, uri: str, *, if_generation: int) -> Blob | None:
        """Upload a file of any size if the object's generation is still this; ``None`` when it is not."""
        return self._changing(uri, lambda: self._storage.send(path, uri, if_generation=if_generation))

    def download(self, uri: str, path: Path, go_on: Callable[[], None] = lambda: None) -> None:
        """Write the object's bytes to ``path``."""
        self._storage.download(uri, path, go_on)

    def copy(self, source: str, target: str, go_on: Callable[[], None] = lambda: None) -> None:
        """Copy one object within Cloud Storage."""
        self._changing(target, lambda: self._storage.copy(source, target, go_on))

    def delete(self, uri: str) -> None:
        """Delete one object whatever its generation; gone already counts as done."""
        self._changing(uri, lambda: self._storage.delete(uri))

    def _changing(self, uri: str, change: Callable[[], Answer]) -> Answer:
        try:
            return change()
        finally:
            self._changed(uri)
            self._memo.changed(*(("listed", folder) for folder in _folders(uri)))

    def _changed(self, uri: str) -> None:
        self._written.add(uri)
        self._memo.changed(("object", uri), ("stat", uri))


def _folders(uri: str) -> Iterator[str]:
    """The folders that an object is in, below its bucket, the nearest first."""
    at = uri
    while (at := at.rpartition("/")[0]).count("/") > 2:
        yield f"{at}/"


def _root(uri: str) -> str:
    """The folder of all claims of an output folder."""
    return f"{uri.partition(MARK)[0]}{MARK}"


def _small(blob: Blob | None) -> Small:
    return (blob.content or b"", blob.generation) if blob is not None else None
