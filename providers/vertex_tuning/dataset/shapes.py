"""One line of training data, as msgspec decodes it.

Unknown keys are allowed and not read. The documentation of open-model tuning names the keys that it reads and
says nothing against others, and files exported from elsewhere carry ids and sources; refusing those would
refuse good data. The keys of the *other* format are the exception: such a line could be read in two ways, so
they may only be null there, which is how table exports write an absent column.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder

from vertex_tuning.dataset.model import DatasetFormat
from vertex_tuning.decoding import REFUSED

Role = Literal["system", "user", "assistant"]


class Message(Struct, frozen=True, gc=False):
    """One turn of a conversation."""

    role: Role
    content: str


class ChatExample(Struct, frozen=True, gc=False, omit_defaults=True):
    """A conversation that the model learns the assistant's part of."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    prompt: None = None
    completion: None = None


class PromptCompletionExample(Struct, frozen=True, gc=False, omit_defaults=True):
    """A prompt, and the text that the model learns to answer with."""

    prompt: str
    completion: str
    messages: None = None


DECODERS: Final[dict[DatasetFormat, Decoder[Any]]] = {
    DatasetFormat.CHAT: Decoder(ChatExample),
    DatasetFormat.PROMPT_COMPLETION: Decoder(PromptCompletionExample),
}

_OPENING, _CLOSING = b"{}"


def decode_line(line: bytes, formats: Iterable[DatasetFormat]) -> tuple[DatasetFormat, Any] | None:
    """The example that a line is in the first of these formats that fits; None when it is of none."""
    for name in formats:
        try:
            return name, DECODERS[name].decode(line)
        except REFUSED:
            continue
    return None


def decode_lines(chunk: bytes, name: DatasetFormat) -> list[Any] | None:
    """The examples of a chunk of whole lines if each line is one; None when its lines need a closer look.

    msgspec reads a stream of values a tenth faster than line by line, but minds no line ends. So that is left
    to it where every line begins with a brace and ends with one: such a line end can only stand between two
    objects, because within one a comma is between braces, and strings hold no bare line feed. If there are
    as many objects as lines, each line is one.
    """
    decoder, lines = DECODERS[name], BytesIO(chunk).readlines()
    try:
        if chunk.endswith(b"}\n") and _each_in_braces(lines):
            examples = decoder.decode_lines(chunk)
            return examples if len(examples) == len(lines) else None
        return list(map(decoder.decode, lines))
    except REFUSED:
        return None


def _each_in_braces(lines: Iterable[bytes]) -> bool:
    """Whether each begins with a brace and ends with one; the last byte of each is a line feed."""
    for line in lines:  # noqa: SIM110  a generator in all() takes half as long again, millions of times
        if line[0] != _OPENING or line[-2] != _CLOSING:
            return False
    return True
