"""What people bring from other services, and what open-model tuning calls it."""

from collections.abc import Mapping
from typing import Any, Final

_JSON_NAMES: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}

_TOOL_TURN: Final = "open-model tuning knows no tool turns; leave them out"
_TOOL_CALL: Final = "open-model tuning learns no tool calls; write the answer as text, or delete the line"
_CALLS: Final = ("tool_calls", "function_call")

_ROLES: Final = {
    "model": 'write "assistant"',
    "bot": 'write "assistant"',
    "gpt": 'write "assistant"',
    "ai": 'write "assistant"',
    "human": 'write "user"',
    "developer": 'write "system"',
    "tool": _TOOL_TURN,
    "function": _TOOL_TURN,
}

_PREFERENCE: Final = (
    "this is preference data, and supervised tuning learns one answer: "
    'write the chosen one as "completion" and remove the rejected one'
)
_KEYS: Final = {
    "conversations": 'this is the ShareGPT format; name the list "messages", with "role" and "content"',
    "instruction": 'this is the Alpaca format; write the instruction as "prompt", the output as "completion"',
    "input_text": 'this is the PaLM format; rename "input_text" to "prompt", "output_text" to "completion"',
    "chosen": _PREFERENCE,
    "role": 'this is one turn; write the whole conversation on one line, {"messages": [...]}',
    "text": 'a bare "text" has no answer to learn; split it into "prompt" and "completion"',
}
_TURN_KEYS: Final = {
    "from": 'this is the ShareGPT format; rename "from" to "role" (human is "user", gpt is "assistant"), '
    '"value" to "content"',
    "author": 'this is the PaLM format; rename "author" to "role", with "user" or "assistant"',
    **dict.fromkeys(_CALLS, _TOOL_CALL),
}


def json_name(value: Any) -> str:
    """What JSON calls the type of a decoded value, with its article."""
    return _JSON_NAMES[type(value)]


def for_role(role: str) -> str:
    """How to mend a role that is not one of the three."""
    return _ROLES.get(role.lower(), "use system, user or assistant, in lower case")


def for_content_role(role: str) -> str:
    """The same in GenerateContent."""
    if role.lower() == "system":
        return 'write it as "systemInstruction" beside "contents"'
    if role == "model":
        return 'write "assistant": "model" is for Gemini'
    return _ROLES.get(role.lower(), "use user or assistant, in lower case")


def for_keys(keys: Mapping[str, Any]) -> str:
    """How to mend an object with the keys of neither format."""
    known = (hint for key, hint in _KEYS.items() if key in keys)
    return next(known, 'write {"prompt", "completion"} or {"messages"}')


def for_missing(keys: Mapping[str, Any]) -> str:
    """How to mend a pair with one of its keys."""
    return _PREFERENCE if "chosen" in keys or "rejected" in keys else "add it"


def for_missing_in_turn(turn: Mapping[str, Any]) -> str:
    """How to mend a turn without role or content."""
    return next((hint for key, hint in _TURN_KEYS.items() if key in turn), "add it")


def for_content(turn: Mapping[str, Any]) -> str:
    """How to mend a content that is neither a string nor a list."""
    return _TOOL_CALL if any(turn.get(key) for key in _CALLS) else "make it a string"


def for_part(part: Mapping[str, Any], image_key: str) -> str:
    """What is wrong with a part that is neither text nor an image, and how to mend it."""
    if "inlineData" in part or "inline_data" in part:
        return 'has "inlineData"; put the image into Cloud Storage, and name it with fileData and its fileUri'
    if any("function" in key.lower() for key in part):
        return f"is a function call; {_TOOL_CALL}"
    if image_key in part or "fileData" in part or "file_data" in part:
        form = {
            "image_url": '{"type": "image_url", "image_url": {"url": "gs://..."}}',
            "fileData": '{"fileData": {"mimeType": "image/png", "fileUri": "gs://..."}}',
        }
        return f"is no image as it is written; write {form[image_key]}"
    form = {"image_url": '{"type": "text", "text": "..."}', "fileData": '{"text": "..."}'}
    return f"is neither text nor an image; write {form[image_key]}"
