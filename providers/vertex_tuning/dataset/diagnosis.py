"""Why a line is refused, in words that say how to mend it. Pure: bytes in, problems out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

import msgspec

from vertex_tuning.dataset import hints
from vertex_tuning.dataset.model import DatasetFormat, FindingKind
from vertex_tuning.dataset.shapes import Message, Role

_ROLES: Final = get_args(Role)

Problem = tuple[FindingKind, str]


def line_problem(line: bytes, expected: DatasetFormat | None) -> Problem:
    """What is wrong with a line that did not decode as an example of the `expected` format.

    `expected` is None while the file has no line that did decode. The first problem is the one to mend:
    those after it are often its consequences.
    """
    if not line.strip(b" \t\r\n"):
        return FindingKind.BLANK_LINE, "the line is blank; delete it"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line is not UTF-8"
        return FindingKind.NOT_UTF8, f"{where}; save the file with the encoding UTF-8"
    try:
        value = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return FindingKind.BAD_JSON, _bad_json(line, error)
    except RecursionError:
        return FindingKind.BAD_JSON, "the JSON is nested too deeply; an example is an object of strings"
    if not isinstance(value, dict):
        what = hints.json_name(value)
        return FindingKind.WRONG_SHAPE, f"the line is {what}; write one JSON object on each line"
    return _object_problem(value, expected)


def turn_problems(messages: Sequence[Message]) -> Iterator[Problem]:
    """What is wrong with the order of the turns, in a conversation whose messages are each well formed.

    Turns of one role after another are no problem: chat templates render them as they are.
    """
    roles = [message.role for message in messages]
    if "system" in roles[1:]:
        index = roles.index("system", 1)
        text = f"messages[{index}] has the role system; only the first message may, so move it to the start"
        yield FindingKind.SYSTEM_NOT_FIRST, text
    if "user" not in roles:
        yield FindingKind.NO_USER_TURN, "no message has the role user; add what the assistant answers to"
    if roles[-1] != "assistant":
        text = f"the last message has the role {roles[-1]}; end with the assistant turn that is to be learned"
        yield FindingKind.NOT_ENDING_WITH_ASSISTANT, text
    elif not messages[-1].content.strip():
        text = "the last assistant turn has no text; write what is to be learned, or delete the line"
        yield FindingKind.EMPTY_COMPLETION, text


def _format_of(value: dict[str, Any]) -> DatasetFormat | None:
    chat = value.get("messages") is not None
    pair = value.get("prompt") is not None or value.get("completion") is not None
    if chat == pair:
        return None
    return DatasetFormat.CHAT if chat else DatasetFormat.PROMPT_COMPLETION


def _bad_json(line: bytes, error: msgspec.DecodeError) -> str:
    if line.strip() in (b"[", b"{"):
        return "the JSON goes on over several lines; write each example as one object on one line"
    return f"not JSON: {error}; write one whole JSON object on the line"


def _object_problem(value: dict[str, Any], expected: DatasetFormat | None) -> Problem:
    found = _format_of(value)
    if found and expected and found is not expected:
        text = (
            f"the line is in the format {found}, the file began as {expected}; keep to one format in a file"
        )
        return FindingKind.MIXED_FORMATS, text
    pair_keys = [key for key in ("prompt", "completion") if value.get(key) is not None]
    if pair_keys and value.get("messages") is not None:
        text = f'the line has "messages" and "{pair_keys[0]}"; keep the keys of one format'
        return FindingKind.WRONG_SHAPE, text
    if "messages" in value and not pair_keys:
        problem = _messages_problem(value["messages"])
    else:
        problem = _pair_problem(value)
    # What the checks above pass and the decoder refuses is a key written twice: they see its last value only.
    return problem or (FindingKind.WRONG_SHAPE, "a key is written twice with values that differ; keep one")


def _pair_problem(value: dict[str, Any]) -> Problem | None:
    if "prompt" not in value and "completion" not in value:
        text = f'the object has neither "prompt" and "completion" nor "messages"; {hints.for_keys(value)}'
        return FindingKind.WRONG_SHAPE, text
    for key in ("prompt", "completion"):
        if key not in value:
            return FindingKind.WRONG_SHAPE, f'the object has no "{key}"; add it'
        if not isinstance(value[key], str):
            return FindingKind.WRONG_TYPE, f"{key} is {hints.json_name(value[key])}; make it a string"
    return None


def _messages_problem(messages: Any) -> Problem | None:
    if not isinstance(messages, list):
        text = f"messages is {hints.json_name(messages)}; make it a list of turns"
        return FindingKind.WRONG_TYPE, text
    if not messages:
        return FindingKind.WRONG_SHAPE, "messages is an empty list; write its turns, or delete the line"
    problems = (_message_problem(f"messages[{index}]", message) for index, message in enumerate(messages))
    return next(filter(None, problems), None)


def _message_problem(where: str, message: Any) -> Problem | None:
    if not isinstance(message, dict):
        text = f'{where} is {hints.json_name(message)}; make it an object with "role" and "content"'
        return FindingKind.WRONG_TYPE, text
    for key in ("role", "content"):
        if key not in message:
            return FindingKind.WRONG_SHAPE, f'{where} has no "{key}"; add it'
    role, content = message["role"], message["content"]
    if not isinstance(role, str):
        text = f"{where}.role is {hints.json_name(role)}; use system, user or assistant"
        return FindingKind.WRONG_TYPE, text
    if role not in _ROLES:
        text = f"{where}.role is {role[:20]!r}, which open models do not know; {hints.for_role(role)}"
        return FindingKind.UNKNOWN_ROLE, text
    if not isinstance(content, str):
        text = f"{where}.content is {hints.json_name(content)}; {hints.for_content(content)}"
        return FindingKind.WRONG_TYPE, text
    return None
