"""Keys of other services that would change what is learned, and that open-model tuning does not read.

A line with one of them leaves the fast path and is decoded again.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vertex_tuning.dataset.model import FindingKind

Problem = tuple[FindingKind, str]

_SYSTEM: Final = ("system", "system_prompt", "system_instruction")
_EXCLUDES: Final = ("weight", "train", "trainable")
_TOOLS: Final = ("tools", "functions")
_OTHER_ANSWERS: Final = ("chosen", "rejected")
_OF_A_LINE: Final = (*_SYSTEM, *_EXCLUDES, *_TOOLS, *_OTHER_ANSWERS, "label", "images", "image")
_CALLS: Final = ("tool_calls", "function_call")
_THOUGHTS: Final = ("reasoning_content", "thinking")
_OF_A_TURN: Final = (*_EXCLUDES, *_CALLS, *_THOUGHTS, "images", "image", "audio")
OF_A_PART: Final = ("fileData", "file_data", "inlineData", "inline_data", "functionCall", "functionResponse")

OF_A_CHAT: Final = (*_OF_A_LINE, "systemInstruction", "contents")
OF_A_PAIR: Final = (*_OF_A_LINE, "systemInstruction", "contents")
OF_CONTENTS: Final = _OF_A_LINE
OF_A_MESSAGE: Final = _OF_A_TURN
OF_A_CONTENT: Final = _OF_A_TURN


def of_line(line: Mapping[str, Any], system_goes: str) -> Iterator[Problem]:
    """Problems of a line's unread keys; `system_goes` says where its format has the system prompt."""
    for key in (*_SYSTEM, "systemInstruction"):
        if line.get(key) and not (key == "systemInstruction" and "contents" in line):
            text = f'"{key}" is not read, so the model would be trained without it; {system_goes}'
            yield FindingKind.SYSTEM_NOT_READ, text
    for key in _EXCLUDES:
        if _excludes(line.get(key)):
            text = f'the line has "{key}": {_shown(line[key])}, which is not read, so it is learned'
            yield FindingKind.NOT_READ, f"{text}; delete the line"
    if line.get("label") is False:
        text = '"label" is not read, so this answer is learned though it is marked false; delete the line'
        yield FindingKind.NOT_READ, text
    for key in (*_TOOLS, *_OTHER_ANSWERS, "images", "image"):
        if line.get(key):
            yield (
                FindingKind.NOT_READ,
                f'"{key}" is not read: the model is trained without it; remove the key',
            )


def of_turn(where: str, turn: Mapping[str, Any]) -> Iterator[Problem]:
    """The same of a turn, which is at `where` in its line."""
    for key in _EXCLUDES:
        if _excludes(turn.get(key)):
            text = f'{where} has "{key}": {_shown(turn[key])}, which is not read, so the turn is learned'
            yield FindingKind.NOT_READ, f"{text}; leave it out"
    for key in (*_CALLS, *_THOUGHTS, "images", "image", "audio"):
        if turn.get(key):
            text = f'{where} has "{key}", which is not read: only its text is learned'
            yield FindingKind.NOT_READ, f"{text}; delete the key or the line"


def _excludes(value: Any) -> bool:
    """Whether a weight, or a switch for learning, says anything but "learn this"."""
    return value is not None and value is not True and value != 1


def _shown(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)[:20]
