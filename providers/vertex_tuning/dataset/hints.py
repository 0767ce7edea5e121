"""What people bring from other services, and what open-model tuning calls it."""

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

_KEYS: Final = {
    "contents": 'this is the Gemini format; name the list "messages", with "role" and "content" in each turn',
    "conversations": 'this is the ShareGPT format; name the list "messages", with "role" and "content"',
    "instruction": 'this is the Alpaca format; write the instruction as "prompt", the output as "completion"',
    "input_text": 'this is the PaLM format; rename "input_text" to "prompt", "output_text" to "completion"',
    "text": 'a bare "text" has no answer to learn; split it into "prompt" and "completion"',
}


def json_name(value: Any) -> str:
    """What JSON calls the type of a decoded value, with its article."""
    return _JSON_NAMES[type(value)]


def for_role(role: str) -> str:
    """How to mend a role that is not one of the three."""
    return _ROLES.get(role.lower(), "use system, user or assistant, in lower case")


def for_keys(keys: dict[str, Any]) -> str:
    """How to mend an object with the keys of neither format."""
    known = (hint for key, hint in _KEYS.items() if key in keys)
    return next(known, 'write {"prompt", "completion"} or {"messages"}')


def for_content(value: Any) -> str:
    """How to mend a content that is no string."""
    return "join its text parts into one string" if isinstance(value, list) else "make it a string"
