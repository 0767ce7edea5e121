"""A process of its own that examines parts of one file, for as long as it is asked to.

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
    """Write a message whole; raises OSError when nobody reads."""
    content = msgpack.encode(message)
    pipe.write(len(content).to_bytes(_LENGTH, "big") + content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """The next message, or None when the other side has ended, be it amid one."""
    length = int.from_bytes(pipe.read(_LENGTH), "big")
    content = pipe.read(length)
    return content if length and len(content) == length else None


def main(file: int) -> None:
    """Answer until there is no more request."""
    while request := receive(sys.stdin.buffer):
        send(sys.stdout.buffer, examine(file, _PART.decode(request)))
