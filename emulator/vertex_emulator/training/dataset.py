"""Reading a JSONL file of training rows, with the line named in every complaint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vertex_emulator.training.prompts import Chat, Example, PromptCompletion, Role
from vertex_emulator.training.spec import TrainingError

_FORMATS: dict[str, type[Example]] = {"prompt": PromptCompletion, "messages": Chat}


def read_examples(path: Path) -> tuple[Example, ...]:
    """All rows of a file, in order; every row is in the format of the first one, and blank lines are passed
    over.

    TrainingError names the file and the line of the first row that cannot be trained on.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path.name}: cannot be read: {error.strerror}") from error
    examples: list[Example] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            examples.append(_example(line, like=examples[0] if examples else None))
        except _RowError as error:
            raise TrainingError(f"{path.name}, line {number}: {error}") from error
    if not examples:
        raise TrainingError(f"{path.name}, line 1: the file holds no rows")
    return tuple(examples)


class _RowError(ValueError):
    pass


def _example(line: bytes, like: Example | None) -> Example:
    row = _object(line)
    present = [format_ for key, format_ in _FORMATS.items() if key in row]
    if len(present) != 1:
        raise _RowError("a row has either 'prompt' and 'completion' or 'messages'")
    try:
        example: Example = msgspec.convert(row, present[0])
    except msgspec.ValidationError as error:
        raise _RowError(str(error)) from error
    if like is not None and type(example) is not type(like):
        raise _RowError("its format differs from that of the rows before: a file holds one format")
    _CHECKS[type(example)](example)
    return example


def _object(line: bytes) -> dict[str, Any]:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RowError(f"not UTF-8 at byte {error.start + 1} of the line") from error
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise _RowError(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise _RowError("not a JSON object")
    return row


def _check_completion(example: PromptCompletion) -> None:
    if not example.completion:
        raise _RowError("the completion is empty: there is nothing to learn")


def _check_chat(example: Chat) -> None:
    if not example.messages or example.messages[-1].role is not Role.ASSISTANT:
        raise _RowError("the last message must be the assistant's")
    if any(message.role is Role.ASSISTANT and not message.content for message in example.messages):
        raise _RowError("an assistant message is empty: there is nothing to learn")


_CHECKS: dict[type[Any], Callable[[Any], None]] = {PromptCompletion: _check_completion, Chat: _check_chat}
