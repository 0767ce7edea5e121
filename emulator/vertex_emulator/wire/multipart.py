"""multipart bodies: those of uploads read piece by piece, those of batches at once.

Like Cloud Storage, both take line feeds without carriage returns and boundaries in single quotes: some
clients write them so (gcsfs, apitools).
"""

import re
from collections.abc import AsyncIterator
from email.message import Message
from typing import Any

import msgspec

from vertex_emulator.wire.errors import StorageError

_MAX_HEAD = 1024 * 1024


_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\A[ \t]*\r?\n")


def _delimiter(content_type: str, kind: str) -> re.Pattern[bytes]:
    header = Message()
    header["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = header.get_param("boundary")
    if header.get_content_type() != kind or not isinstance(boundary, str) or not boundary.strip("'"):
        raise malformed(f"the content type must be {kind} with a boundary")
    if len(boundary) > 1 and boundary[0] == boundary[-1] == "'":
        boundary = boundary[1:-1]
    return re.compile(rb"\r?\n--" + re.escape(boundary.encode()))


def parts(content_type: str, content: bytes, most: int) -> list[tuple[bytes, bytes]]:
    """Head and content of each part of a multipart/mixed body. Raises StorageError 400, also for too many."""
    pieces = _delimiter(content_type, "multipart/mixed").split(b"\n" + content, most + 2)[1:]
    if len(pieces) > most + 1:
        raise malformed(f"it has more than {most} parts")
    if not pieces or not pieces[-1].startswith(b"--"):
        raise malformed("the last boundary is missing")
    found = [_EMPTY_LINE.split(b"\n" + _LINE_END.sub(b"", piece, 1), maxsplit=1) for piece in pieces[:-1]]
    return [(halves[0][:_MAX_HEAD], halves[1] if len(halves) == 2 else b"") for halves in found]


class RelatedBody:
    """A multipart/related body. Read `head` first, then `content`."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        self._delimiter = _delimiter(content_type, "multipart/related")
        self._longest = len(self._delimiter.pattern) + 2
        self._stream = stream
        # The first boundary stands at the very start: a line break before it makes it like the others.
        self._buffer = b"\n"

    async def head(self) -> tuple[dict[str, Any], str | None]:
        """The JSON part, and the content type that the second part gives for its bytes."""
        await self._until(self._delimiter)
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"\r\n"):
            # Who ends lines so ends all of them so: a bare line feed belongs to the object's bytes.
            self._delimiter = re.compile(self._delimiter.pattern.replace(rb"\r?", rb"\r", 1))
        halves = _EMPTY_LINE.split(await self._until(self._delimiter), maxsplit=1)
        try:
            resource = msgspec.json.decode(halves[-1] if len(halves) == 2 else b"")
        except (ValueError, RecursionError):
            raise malformed("the first part is not JSON") from None
        if not isinstance(resource, dict):
            raise malformed("the first part is not a JSON object")
        for line in (await self._until(_EMPTY_LINE)).decode("latin-1").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                return resource, value.strip()
        return resource, None

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the second part."""
        while True:
            found = self._delimiter.search(self._buffer)
            if found is not None:
                yield self._buffer[: found.start()]
                break
            if len(self._buffer) > self._longest:
                yield self._buffer[: -self._longest]
                self._buffer = self._buffer[-self._longest :]
            await self._more()
        async for _ in self._stream:  # what follows the last boundary means nothing
            pass

    async def _until(self, mark: re.Pattern[bytes]) -> bytes:
        while (found := mark.search(self._buffer)) is None:
            if len(self._buffer) > _MAX_HEAD:
                raise malformed("a part's head is too long")
            await self._more()
        before, self._buffer = self._buffer[: found.start()], self._buffer[found.end() :]
        return before

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._stream)
        except StopAsyncIteration:
            raise malformed("the last boundary is missing") from None


def malformed(why: str) -> StorageError:
    """The refusal of a multipart body."""
    return StorageError(400, f"Malformed multipart body: {why}.", "badContent")
