"""Reading request bodies of bounded size."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from vertex_emulator.wire.errors import invalid, of_http


async def read_bounded(stream: AsyncIterator[bytes], limit: int) -> bytes:
    """The whole body. Raises ApiError with status 413 beyond `limit` bytes."""
    pieces, size = [], 0
    async for data in stream:
        size += len(data)
        if size > limit:
            raise of_http(413, f"The request body is larger than {limit} bytes.")
        pieces.append(data)
    return b"".join(pieces)


def json_object(content: bytes) -> dict[str, Any]:
    """A JSON object out of a body; an empty body is an empty object. Raises INVALID_ARGUMENT."""
    if not content.strip():
        return {}
    try:
        found = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    if not isinstance(found, dict):
        raise invalid("Invalid JSON payload received. The request body must be an object.")
    return found
