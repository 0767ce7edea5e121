"""Why a line is refused, in words that say how to repair it. Pure: bytes in, problems out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

from vertex_tuning.dataset import hints
from vertex_tuning.dataset.broken import Problem, text_problem, value_of
from vertex_tuning.dataset.model import DatasetFormat, FindingKind
from vertex_tuning.dataset.rereading import Image, part_of_content, part_of_message
from vertex_tuning.dataset.shapes import ContentRole, Message, Role, images_of

_ROLES: Final = get_args(Role)
_CONTENT_ROLES: Final = get_args(ContentRole)


def line_problem(line: bytes, expected: DatasetFormat | None) -> Problem:
    """What is wrong with a line that did not decode as an example of the `expected` format.

    `expected` is None while the file has no line that did decode. The first problem is the one to mend:
    those after it are often its consequences.
    """
    if not line.strip(b" \t\r\n"):
        return FindingKind.BLANK_LINE, "the line is blank; delete it"
    if problem := text_problem(line):
        return problem
    value, problem = value_of(line)
    if problem:
        return problem
    if not isinstance(value, dict):
        what = hints.json_name(value)
        return FindingKind.WRONG_SHAPE, f"the line is {what}; write one JSON object on each line"
    return _object_problem(value, expected)


def turn_problems(messages: Sequence[Message], name: DatasetFormat | None) -> Iterator[Problem]:
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
    elif _blank(messages[-1]):
        text = "the last assistant turn has no text; write what is to be learned, or delete the line"
        yield FindingKind.EMPTY_COMPLETION, text
    contents = name is DatasetFormat.GENERATE_CONTENT
    first = 1 if contents and roles[0] == "system" else 0
    for index, message in enumerate(messages[first:-1] if roles[-1] == "assistant" else messages[first:]):
        if _blank(message):
            where = f"{'contents' if contents else 'messages'}[{index}]"
            text = f"{where}, a turn of the role {message.role}, has no text; write it, or delete the line"
            yield FindingKind.EMPTY_PROMPT, text


def _blank(message: Message) -> bool:
    return not message.content.strip() and not images_of(message)


def _keys(value: dict[str, Any]) -> list[str]:
    """The first key of each format that the line is in."""
    pair = [key for key in ("prompt", "completion") if value.get(key) is not None]
    return [key for key in ("messages", "contents") if value.get(key) is not None] + pair[:1]


_FORMATS: Final = {"messages": DatasetFormat.CHAT, "contents": DatasetFormat.GENERATE_CONTENT}


def _object_problem(value: dict[str, Any], expected: DatasetFormat | None) -> Problem:
    keys = _keys(value)
    if len(keys) > 1:
        text = f'the line has "{keys[0]}" and "{keys[1]}"; keep the keys of one format'
        return FindingKind.WRONG_SHAPE, text
    found = _FORMATS.get(keys[0], DatasetFormat.PROMPT_COMPLETION) if keys else None
    if found and expected and found is not expected:
        text = (
            f"the line is in the format {found}, the file began as {expected}; keep to one format in a file"
        )
        return FindingKind.MIXED_FORMATS, text
    if "messages" in value and (not keys or keys[0] == "messages"):
        problem = _turns_problem("messages", value["messages"])
    elif "contents" in value and (not keys or keys[0] == "contents"):
        problem = _turns_problem("contents", value["contents"]) or _instruction_problem(value)
    else:
        problem = _pair_problem(value)
    # What the checks above pass and the decoder refuses is a key written twice: they see its last value only.
    return problem or (FindingKind.WRONG_SHAPE, "a key is written twice with values that differ; keep one")


def _pair_problem(value: dict[str, Any]) -> Problem | None:
    if "prompt" not in value and "completion" not in value:
        text = (
            'the object has neither "prompt" and "completion" nor "messages" nor "contents"; '
            f"{hints.for_keys(value)}"
        )
        return FindingKind.WRONG_SHAPE, text
    for key in ("prompt", "completion"):
        if key not in value:
            return FindingKind.WRONG_SHAPE, f'the object has no "{key}"; {hints.for_missing(value)}'
        if not isinstance(value[key], str):
            return FindingKind.WRONG_TYPE, f"{key} is {hints.json_name(value[key])}; make it a string"
    return None


def _turns_problem(key: str, turns: Any) -> Problem | None:
    if not isinstance(turns, list):
        text = f"{key} is {hints.json_name(turns)}; make it a list of turns"
        return FindingKind.WRONG_TYPE, text
    if not turns:
        return FindingKind.WRONG_SHAPE, f"{key} is an empty list; write its turns, or delete the line"
    problem_of = _message_problem if key == "messages" else _content_problem
    problems = (problem_of(f"{key}[{index}]", turn) for index, turn in enumerate(turns))
    found = next(filter(None, problems), None)
    if found is None and key == "messages":
        return _only_text_problem(turns)
    return found


def _message_problem(where: str, message: Any) -> Problem | None:
    if problem := _turn_problem(where, message, "content"):
        return problem
    role, content = message["role"], message["content"]
    if role not in _ROLES:
        text = f"{where}.role is {role[:20]!r}, which open models do not know; {hints.for_role(role)}"
        return FindingKind.UNKNOWN_ROLE, text
    if isinstance(content, list):
        return _parts_problem(f"{where}.content", content, image_key="image_url")
    if not isinstance(content, str):
        text = f"{where}.content is {hints.json_name(content)}; {hints.for_content(message)}"
        return FindingKind.WRONG_TYPE, text
    return None


def _content_problem(where: str, content: Any) -> Problem | None:
    if problem := _turn_problem(where, content, "parts"):
        return problem
    role, parts = content["role"], content["parts"]
    if role not in _CONTENT_ROLES:
        text = f"{where}.role is {role[:20]!r}, which open models do not know here"
        return FindingKind.UNKNOWN_ROLE, f"{text}; {hints.for_content_role(role)}"
    if not isinstance(parts, list):
        return FindingKind.WRONG_TYPE, f'{where}.parts is {hints.json_name(parts)}; write [{{"text": ...}}]'
    if not parts:
        return FindingKind.WRONG_SHAPE, f"{where}.parts is an empty list; write its text"
    return _parts_problem(f"{where}.parts", parts, image_key="fileData")


def _instruction_problem(value: dict[str, Any]) -> Problem | None:
    told = value.get("systemInstruction")
    if told is None:
        return None
    parts = told.get("parts") if isinstance(told, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part_of_content(p), str) for p in parts if _is(p)):
        text = 'systemInstruction is not of the form {"parts": [{"text": "..."}]}; write it so'
        return FindingKind.WRONG_TYPE, text
    return None


def _is(part: Any) -> bool:
    return isinstance(part, dict)


def _turn_problem(where: str, turn: Any, content: str) -> Problem | None:
    if not isinstance(turn, dict):
        text = f'{where} is {hints.json_name(turn)}; make it an object with "role" and "{content}"'
        return FindingKind.WRONG_TYPE, text
    for key in ("role", content):
        if key not in turn:
            return FindingKind.WRONG_SHAPE, f'{where} has no "{key}"; {hints.for_missing_in_turn(turn)}'
    if not isinstance(turn["role"], str):
        text = f"{where}.role is {hints.json_name(turn['role'])}; use system, user or assistant"
        return FindingKind.WRONG_TYPE, text
    return None


def _parts_problem(where: str, parts: list[Any], image_key: str) -> Problem | None:
    part_of = part_of_message if image_key == "image_url" else part_of_content
    for index, part in enumerate(parts):
        if not isinstance(part, dict):
            text = f"{where}[{index}] is {hints.json_name(part)}; make it an object"
            return FindingKind.WRONG_TYPE, text
        if part_of(part) is None:
            return FindingKind.WRONG_SHAPE, f"{where}[{index}] {hints.for_part(part, image_key)}"
    return None


def _only_text_problem(messages: list[dict[str, Any]]) -> Problem | None:
    """A list of parts is for images: text alone is one string."""
    listed = [index for index, message in enumerate(messages) if isinstance(message["content"], list)]
    parts = (part for index in listed for part in messages[index]["content"])
    if not listed or any(isinstance(part_of_message(part), Image) for part in parts):
        return None
    text = f"messages[{listed[0]}].content is a list; join its text parts into one string"
    return FindingKind.WRONG_TYPE, text
