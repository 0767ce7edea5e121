"""multipart/related bodies of uploads, read piece by piece: a JSON part, then the bytes of the object."""

from collections.abc import AsyncIterator
from email.message import Message
from typing import Any

import msgspec

from vertex_emulator.wire.errors import StorageError

_MAX_HEAD = 1024 * 1024


class RelatedBody:
    """A multipart/related body. Read `head` first, then `content`."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        header = Message()
        header["content-type"] = content_type
        boundary = header.get_param("boundary")
        if header.get_content_type() != "multipart/related" or not isinstance(boundary, str) or not boundary:
            raise _malformed("the content type must be multipart/related with a boundary")
        self._delimiter = b"\r\n--" + boundary.encode()
        self._stream = stream
        # The first boundary stands at the very start: a line break before it makes it like the others.
        self._buffer = b"\r\n"

    async def head(self) -> tuple[dict[str, Any], str | None]:
        """The JSON part, and the content type that the second part gives for its bytes."""
        await self._until(self._delimiter)
        text = (await self._until(self._delimiter)).partition(b"\r\n\r\n")[2]
        try:
            resource = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            raise _malformed("the first part is not JSON") from None
        if not isinstance(resource, dict):
            raise _malformed("the first part is not a JSON object")
        for line in (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                return resource, value.strip()
        return resource, None

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the second part."""
        keep = len(self._delimiter) - 1
        while True:
            found = self._buffer.find(self._delimiter)
            if found >= 0:
                yield self._buffer[:found]
                break
            if len(self._buffer) > keep:
                yield self._buffer[:-keep]
                self._buffer = self._buffer[-keep:]
            await self._more()
        async for _ in self._stream:  # what follows the last boundary means nothing
            pass

    async def _until(self, mark: bytes) -> bytes:
        while (found := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise _malformed("a part's head is too long")
            await self._more()
        before, self._buffer = self._buffer[:found], self._buffer[found + len(mark) :]
        return before

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._stream)
        except StopAsyncIteration:
            raise _malformed("the last boundary is missing") from None


def _malformed(why: str) -> StorageError:
    return StorageError(400, f"Malformed multipart body: {why}.", "badContent")
