"""A worker process that examines parts of a file on request.

It is started by `crew`, shares the open file with it, and imports little: msgspec, the standard library, and
xxhash for a closer look. Requests come from standard input and answers go to standard output, each with its
length before it.
"""

import sys
from typing import IO, Final

from msgspec import Struct, msgpack

from vertex_tuning.dataset.examiner import Part, examine

_LENGTH: Final = 8
_PART: Final = msgpack.Decoder(Part)


def send(pipe: IO[bytes], message: Struct) -> None:
    """Write a whole message; raises OSError if the reader is gone."""
    content = msgpack.encode(message)
    pipe.write(len(content).to_bytes(_LENGTH, "big") + content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """The next message, or None if the other side has ended, also within a message."""
    length = int.from_bytes(pipe.read(_LENGTH), "big")
    content = pipe.read(length)
    return content if length and len(content) == length else None


def main(file: int) -> None:
    """Answer requests until the input ends."""
    while request := receive(sys.stdin.buffer):
        send(sys.stdout.buffer, examine(file, _PART.decode(request)))
