"""Decode what the fast path refuses: examples with images or with unread keys."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from vertex_tuning.dataset import unread
from vertex_tuning.dataset.images import image_problem
from vertex_tuning.dataset.model import DatasetFormat, FindingKind
from vertex_tuning.dataset.shapes import (
    ChatExample,
    ContentRole,
    ImageMessage,
    Message,
    PromptCompletionExample,
    Role,
)
from vertex_tuning.dataset.unread import Problem
from vertex_tuning.decoding import REFUSED


class Reread(NamedTuple):
    """An example, and what is wrong with it or not read."""

    format: DatasetFormat
    example: ChatExample | PromptCompletionExample
    problems: list[Problem]


class _Turn(Struct, frozen=True):
    role: Role
    content: str | list[dict[str, Any]]


class _Chat(Struct, frozen=True):
    messages: Annotated[list[_Turn], Meta(min_length=1)]
    prompt: None = None
    completion: None = None


class _Pair(Struct, frozen=True):
    prompt: str
    completion: str
    messages: None = None


class _Content(Struct, frozen=True):
    role: ContentRole
    parts: Annotated[list[dict[str, Any]], Meta(min_length=1)]


class _Instruction(Struct, frozen=True):
    parts: list[dict[str, Any]]


class _Contents(Struct, frozen=True):
    contents: Annotated[list[_Content], Meta(min_length=1)]
    systemInstruction: _Instruction | None = None  # noqa: N815  Google's name
    messages: None = None
    prompt: None = None
    completion: None = None


class Image(NamedTuple):
    """Where an image lies, and what it says to be."""

    address: str
    mime_type: str | None = None


def part_of_message(part: Mapping[str, Any]) -> str | Image | None:
    """The text or the image in a part of a message's content; None when it is neither."""
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    url = part.get("image_url")
    if part.get("type") == "image_url" and isinstance(url, dict) and isinstance(url.get("url"), str):
        return Image(url["url"])
    return None


def part_of_content(part: Mapping[str, Any]) -> str | Image | None:
    """The text or the image in a part of GenerateContent; None when it is neither."""
    file = part.get("fileData") or part.get("file_data")
    if isinstance(part.get("text"), str) and not any(part.get(key) for key in unread.OF_A_PART):
        return str(part["text"])
    if isinstance(file, dict) and "text" not in part:
        address = file.get("fileUri", file.get("file_uri"))
        mime_type = file.get("mimeType", file.get("mime_type"))
        if isinstance(address, str) and (mime_type is None or isinstance(mime_type, str)):
            return Image(address, mime_type)
    return None


def reread(line: bytes, formats: Iterable[DatasetFormat]) -> Reread | None:
    """The example of a line in the first of these formats that fits; None when it is of none."""
    for name in formats:
        decoder, take = _READERS[name]
        try:
            example, problems = take(decoder.decode(line))
        except (*REFUSED, _Unfit):
            continue
        return Reread(name, example, [*problems, *_not_read(name, msgspec.json.decode(line))])
    return None


class _Unfit(Exception):
    """A part that is neither text nor an image, or parts of a message without an image among them."""


_Part = Mapping[str, Any]
_Taken = tuple[ChatExample | PromptCompletionExample, list[Problem]]


def _pair(pair: _Pair) -> _Taken:
    return PromptCompletionExample(pair.prompt, pair.completion), []


def _chat(chat: _Chat) -> _Taken:
    parts = [part for turn in chat.messages if not isinstance(turn.content, str) for part in turn.content]
    if parts and not any(isinstance(part_of_message(part), Image) for part in parts):
        raise _Unfit  # text alone is written as one string
    problems: list[Problem] = []
    messages = [
        Message(turn.role, turn.content)
        if isinstance(turn.content, str)
        else _turn(turn.role, map(part_of_message, turn.content), f"messages[{index}].content", problems)
        for index, turn in enumerate(chat.messages)
    ]
    return ChatExample(messages), problems


def _contents(found: _Contents) -> _Taken:
    problems: list[Problem] = []
    told = found.systemInstruction
    system = _turn("system", map(part_of_content, told.parts if told else ()), "", problems)
    if isinstance(system, ImageMessage):
        raise _Unfit
    messages = [
        _turn(turn.role, map(part_of_content, turn.parts), f"contents[{index}].parts", problems)
        for index, turn in enumerate(found.contents)
    ]
    return ChatExample([system, *messages] if system.content else messages), problems


def _turn(role: Role, parts: Iterable[str | Image | None], where: str, problems: list[Problem]) -> Message:
    """A turn whose parts are put together; what is wrong with its images is added to the problems."""
    texts: list[str] = []
    images: list[str] = []
    for index, part in enumerate(parts):
        if part is None:
            raise _Unfit
        if isinstance(part, str):
            texts.append(part)
            continue
        images.append(part.address)
        if problem := image_problem(f"the image {where}[{index}]", *part):
            problems.append((FindingKind.BAD_IMAGE, problem))
    text = "".join(texts)
    return ImageMessage(role, text, tuple(images)) if images else Message(role, text)


_READERS: Final[dict[DatasetFormat, tuple[Decoder[Any], Callable[[Any], _Taken]]]] = {
    DatasetFormat.CHAT: (Decoder(_Chat), _chat),
    DatasetFormat.PROMPT_COMPLETION: (Decoder(_Pair), _pair),
    DatasetFormat.GENERATE_CONTENT: (Decoder(_Contents), _contents),
}
_SYSTEM_GOES: Final = {
    DatasetFormat.CHAT: "write it as the first message, with the role system",
    DatasetFormat.PROMPT_COMPLETION: "write it at the beginning of the prompt",
    DatasetFormat.GENERATE_CONTENT: 'name it "systemInstruction"',
}
_TURNS: Final = {DatasetFormat.CHAT: "messages", DatasetFormat.GENERATE_CONTENT: "contents"}


def _not_read(name: DatasetFormat, line: Mapping[str, Any]) -> Iterator[Problem]:
    key = _TURNS.get(name, "")
    turns = enumerate(line[key] if key else ())
    return chain(
        unread.of_line(line, _SYSTEM_GOES[name]),
        *(unread.of_turn(f"{key}[{index}]", turn) for index, turn in turns),
    )
