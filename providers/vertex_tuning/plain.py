"""Make text from outside safe for terminals, CI logs and reports.

Control characters become visible escapes, such as ``\\x1b``.
"""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, line ends and characters that change the text direction."""
_LEGACY_COMMAND = re.compile(r"##(?=\[)")
_COMMAND = re.compile(r"^(?=\s*::)", re.MULTILINE)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode()


def lines(text: str, *, begins: bool = True) -> str:
    """The text without control characters and without lines that are commands to GitHub's or Azure's runner.

    ``begins`` says whether the text starts a line of output.
    """
    shown = _LEGACY_COMMAND.sub("#\\#", _CONTROL.sub(_escaped, text.replace("\r\n", "\n")))
    if begins:
        return _COMMAND.sub("\\\\", shown)
    first, end, rest = shown.partition("\n")
    return first + end + _COMMAND.sub("\\\\", rest) if end else first


def line(text: str) -> str:
    """The same in one line."""
    return lines(text.replace("\n", " ").replace("\t", " "))


def values(found: Any) -> Any:
    """Outputs with all their text made safe."""
    match found:
        case str():
            return lines(found)
        case dict():
            return {key: values(value) for key, value in found.items()}
        case list() | tuple():
            return [values(value) for value in found]
        case _:
            return found
