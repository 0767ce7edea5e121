"""One line of training data, as msgspec decodes it.

Unknown keys are allowed and not read. The documentation of open-model tuning names the keys that it reads and
says nothing against others, and files exported from elsewhere carry ids and sources; refusing those would
refuse good data. Two kinds of keys are the exception, and may only be null: those of the *other* formats,
with which a line could be read in two ways, and those that ask for something that is not done (`unread`).
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, defstruct
from msgspec.json import Decoder

from vertex_tuning.dataset import unread
from vertex_tuning.dataset.model import DatasetFormat
from vertex_tuning.decoding import REFUSED

Role = Literal["system", "user", "assistant"]
ContentRole = Literal["user", "assistant"]


class Message(Struct, frozen=True, gc=False, omit_defaults=True):
    """One turn of a conversation."""

    role: Role
    content: str


class ImageMessage(Message, frozen=True, gc=False, omit_defaults=True):
    """A turn with images; the content is its text."""

    images: tuple[str, ...] = ()


def images_of(message: Message) -> tuple[str, ...]:
    """The addresses of the images in a turn."""
    return message.images if isinstance(message, ImageMessage) else ()


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


class Part(Struct, frozen=True, gc=False, omit_defaults=True):
    """A piece of a turn of GenerateContent."""

    text: str


class Content(Struct, frozen=True, gc=False, omit_defaults=True):
    """A turn of GenerateContent."""

    role: ContentRole
    parts: Annotated[list[Part], Meta(min_length=1)]


class SystemInstruction(Struct, frozen=True, gc=False, omit_defaults=True):
    """The system prompt of GenerateContent; its role is not read."""

    parts: list[Part]


class ContentsExample(Struct, frozen=True, gc=False, omit_defaults=True):
    """A conversation in the form of GenerateContent."""

    contents: Annotated[list[Content], Meta(min_length=1)]
    systemInstruction: SystemInstruction | None = None  # noqa: N815  Google's name
    messages: None = None
    prompt: None = None
    completion: None = None

    def as_chat(self) -> ChatExample:
        """The conversation as messages, without a missing or empty system prompt."""
        told = self.systemInstruction
        system = "".join(part.text for part in told.parts) if told else ""
        turns = [
            Message(content.role, "".join(part.text for part in content.parts)) for content in self.contents
        ]
        return ChatExample([Message("system", system), *turns] if system else turns)


def _strict(base: type[Struct], keys: Iterable[str] | None = None, **fields: Any) -> Any:
    """A type that refuses these keys unless they are null, or all unknown keys; `fields` get other types."""
    return defstruct(
        base.__name__,
        [*fields.items(), *((key, None, None) for key in keys or ())],
        bases=(base,),
        frozen=True,
        gc=False,
        omit_defaults=True,
        forbid_unknown_fields=keys is None,
    )


def _some(item: Any) -> Any:
    return Annotated[list[item], Meta(min_length=1)]


_MESSAGE: Final = _strict(Message, unread.OF_A_MESSAGE)
_PART: Final = _strict(Part, unread.OF_A_PART)
_CONTENT: Final = _strict(Content, unread.OF_A_CONTENT, parts=_some(_PART))

DECODERS: Final[dict[DatasetFormat, Decoder[Any]]] = {
    DatasetFormat.CHAT: Decoder(_strict(ChatExample, unread.OF_A_CHAT, messages=_some(_MESSAGE))),
    DatasetFormat.PROMPT_COMPLETION: Decoder(_strict(PromptCompletionExample, unread.OF_A_PAIR)),
    DatasetFormat.GENERATE_CONTENT: Decoder(
        _strict(ContentsExample, unread.OF_CONTENTS, contents=_some(_CONTENT))
    ),
}

# Usual lines have no key that is not read: types without a field for any are quicker.
_PLAIN: Final[dict[DatasetFormat, Decoder[Any]]] = {
    DatasetFormat.CHAT: Decoder(_strict(ChatExample, messages=_some(_strict(Message)))),
    DatasetFormat.PROMPT_COMPLETION: Decoder(_strict(PromptCompletionExample)),
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
    """The examples of a chunk if each line is one; None if lines have to be decoded singly.

    msgspec reads a stream of values a tenth faster than line by line, but minds no line ends. So that is left
    to it where every line begins with a brace and ends with one: such a line end can only stand between two
    objects, because within one a comma is between braces, and strings hold no bare line feed. If there are
    as many objects as lines, each line is one.
    """
    lines = BytesIO(chunk).readlines()
    whole = chunk.endswith(b"}\n") and _each_in_braces(lines)
    for decoder in filter(None, (_PLAIN.get(name), DECODERS[name])):
        try:
            if not whole:
                return list(map(decoder.decode, lines))
            examples = decoder.decode_lines(chunk)
        except REFUSED:
            continue
        return examples if len(examples) == len(lines) else None
    return None


def _each_in_braces(lines: Iterable[bytes]) -> bool:
    """Whether each begins with a brace and ends with one; the last byte of each is a line feed."""
    for line in lines:  # noqa: SIM110  a generator in all() takes half as long again, millions of times
        if line[0] != _OPENING or line[-2] != _CLOSING:
            return False
    return True
