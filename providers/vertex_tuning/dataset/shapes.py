"""One line of training data, as msgspec decodes it.

Unknown keys are allowed and not read. The documentation of open-model tuning names the keys that it reads and
says nothing against others, and files exported from elsewhere carry ids and sources; refusing those would
refuse good data. The keys of the *other* format are the exception: such a line could be read in two ways, so
they may only be null there, which is how table exports write an absent column.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, MsgspecError, Struct
from msgspec.json import Decoder

from vertex_tuning.dataset.model import DatasetFormat

Role = Literal["system", "user", "assistant"]


class Message(Struct, frozen=True, gc=False):
    """One turn of a conversation."""

    role: Role
    content: str


class ChatExample(Struct, frozen=True, gc=False):
    """A conversation that the model learns the assistant's part of."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    prompt: None = None
    completion: None = None


class PromptCompletionExample(Struct, frozen=True, gc=False):
    """A prompt, and the text that the model learns to answer with."""

    prompt: str
    completion: str
    messages: None = None


DECODERS: Final[dict[DatasetFormat, Decoder[Any]]] = {
    DatasetFormat.CHAT: Decoder(ChatExample),
    DatasetFormat.PROMPT_COMPLETION: Decoder(PromptCompletionExample),
}

# msgspec raises its own errors for syntax and types, UnicodeDecodeError for bytes that are not UTF-8, and
# RecursionError for nesting deeper than Python's stack.
REFUSED: Final = (MsgspecError, UnicodeDecodeError, RecursionError)


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

    A tenth faster than line by line. But msgspec reads a stream of values and minds no line ends, so it is
    made sure of here that they stand between the examples, and nowhere else.
    """
    try:
        examples = DECODERS[name].decode_lines(chunk)
    except REFUSED:
        return None
    return examples if examples and _one_object_a_line(chunk, len(examples)) else None


def _one_object_a_line(chunk: bytes, objects: int) -> bool:
    """Whether so many objects, one after another in a chunk, are on so many lines.

    A brace that closes, a line end and a brace that opens can only stand between two objects: within one a
    comma is between them, and strings hold no bare line feed. So if this is found for every line end but the
    last, and there are as many as there must be between the objects, then none is anywhere else.
    """
    find, starts = chunk.find, chunk.startswith
    end = find(b"\n")
    for _ in range(objects - 1):
        if end < 2 or not (starts(b"}\n{", end - 1) or starts(b"}\r\n{", end - 2)):
            return False
        end = find(b"\n", end + 1)
    return end in {-1, len(chunk) - 1}
