"""Reading a JSONL file of training rows, with the line named in every complaint."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from vertex_emulator.model.prompts import Chat, ChatMessage, Example, PromptCompletion, Role
from vertex_emulator.training.spec import TrainingError


class _Part(msgspec.Struct, frozen=True):
    text: str


class _Content(msgspec.Struct, frozen=True):
    role: Literal["user", "assistant"]
    parts: Annotated[tuple[_Part, ...], msgspec.Meta(min_length=1)]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


class _Instruction(msgspec.Struct, frozen=True):
    parts: tuple[_Part, ...]


class _Contents(msgspec.Struct, frozen=True, rename="camel"):
    """A row of the GenerateContent format."""

    contents: tuple[_Content, ...]
    system_instruction: _Instruction | None = None

    def as_chat(self) -> Chat:
        told = self.system_instruction
        system = "".join(part.text for part in told.parts) if told else ""
        turns = [ChatMessage(Role(content.role), content.text) for content in self.contents]
        return Chat((*([ChatMessage(Role.SYSTEM, system)] if system else []), *turns))


_FORMATS: dict[str, type[Any]] = {"prompt": PromptCompletion, "messages": Chat, "contents": _Contents}
_IMAGES = ("image_url", "fileData", "file_data", "inlineData", "inline_data")


def read_examples(path: Path) -> tuple[Example, ...]:
    """All rows of a file, in order; every row is in the format of the first one, and blank lines are passed
    over. A row of GenerateContent becomes the same conversation as a chat.

    TrainingError names the file and the line of the first row that cannot be trained on.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path.name}: cannot be read: {error.strerror}") from error
    examples: list[Example] = []
    first: type[Any] | None = None
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            found = _row(line, first)
            first = first or type(found)
            examples.append(found.as_chat() if isinstance(found, _Contents) else found)
            _CHECKS[type(examples[-1])](examples[-1])
        except _RowError as error:
            raise TrainingError(f"{path.name}, line {number}: {error}") from error
    if not examples:
        raise TrainingError(f"{path.name}, line 1: the file holds no rows")
    return tuple(examples)


def characters(example: Example) -> int:
    """Those of a row's texts."""
    if isinstance(example, Chat):
        return sum(len(message.content) for message in example.messages)
    return len(example.prompt) + len(example.completion)


class _RowError(ValueError):
    pass


def _row(line: bytes, like: type[Any] | None) -> Any:
    row = _object(line)
    present = [format_ for key, format_ in _FORMATS.items() if key in row]
    if len(present) != 1:
        raise _RowError("a row has either 'prompt' and 'completion' or 'messages' or 'contents'")
    if _has_image(row):
        raise _RowError("it has an image, and the embedded Vertex AI trains on text only")
    try:
        example = msgspec.convert(row, present[0])
    except msgspec.ValidationError as error:
        raise _RowError(str(error)) from error
    if like is not None and type(example) is not like:
        raise _RowError("its format differs from that of the rows before: a file holds one format")
    return example


def _has_image(row: dict[str, Any]) -> bool:
    turns = [
        turn for key in ("messages", "contents") for turn in _list(row.get(key)) if isinstance(turn, dict)
    ]
    parts = [part for turn in turns for key in ("content", "parts") for part in _list(turn.get(key))]
    return any(isinstance(part, dict) and any(key in part for key in _IMAGES) for part in parts)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(line: bytes) -> dict[str, Any]:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RowError(f"not UTF-8 at byte {error.start + 1} of the line") from error
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise _RowError(f"not JSON: {_counted_from_one(str(error))}") from error
    if not isinstance(row, dict):
        raise _RowError("not a JSON object")
    return row


def _counted_from_one(said: str) -> str:
    """What msgspec says, with the byte counted from 1, as it is where the encoding is wrong."""
    return re.sub(r" \(byte (\d+)\)$", lambda found: f" (byte {int(found[1]) + 1})", said)


def _check_completion(example: PromptCompletion) -> None:
    if not example.completion:
        raise _RowError("the completion is empty: there is nothing to learn")


def _check_chat(example: Chat) -> None:
    if not example.messages or example.messages[-1].role is not Role.ASSISTANT:
        raise _RowError("the last message must be the assistant's")
    if any(message.role is Role.ASSISTANT and not message.content for message in example.messages):
        raise _RowError("an assistant message is empty: there is nothing to learn")


_CHECKS: dict[type[Any], Callable[[Any], None]] = {PromptCompletion: _check_completion, Chat: _check_chat}
