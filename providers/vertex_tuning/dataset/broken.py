"""Why a line is no JSON, in words that say how to repair it. Positions count from 1."""

import json
import re
from typing import Any, Final

import msgspec

from vertex_tuning.dataset.model import FindingKind
from vertex_tuning.decoding import counted_from_one

Problem = tuple[FindingKind, str]

_SEVERAL_LINES: Final = "the JSON goes on over several lines; write each example as one object on one line"
_OPEN: Final = (b"{", b"[", b",", b":")
_CLOSES: Final = re.compile(rb"\s*[\]}][\s\]},]*$")


def text_problem(line: bytes) -> Problem | None:
    """Why the bytes of a line are no text; None if they are."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line is not UTF-8"
        return FindingKind.NOT_UTF8, f"{where}; save the file with the encoding UTF-8"
    return None


def value_of(line: bytes) -> tuple[Any, Problem | None]:
    """What a line of text holds, or why it is no JSON."""
    try:
        return msgspec.json.decode(line.rstrip(b"\r\n")), None
    except msgspec.DecodeError as error:
        return None, (FindingKind.BAD_JSON, _bad_json(line, error))
    except RecursionError:
        return None, (
            FindingKind.BAD_JSON,
            "the JSON is nested too deeply; an example is an object of strings",
        )


def _bad_json(line: bytes, error: msgspec.DecodeError) -> str:
    bare = line.strip()
    if bare.endswith(_OPEN) or _CLOSES.match(bare):
        return _SEVERAL_LINES
    if _half_a_pair(bare):
        return (
            "not JSON: a \\u escape names half of a surrogate pair, which is no character; "
            "write the character itself, or both halves"
        )
    said = str(error)
    if "truncated" in said:
        return (
            f"not JSON: the line ends at byte {len(bare)}, inside a value; write one whole JSON object on it"
        )
    return f"not JSON: {counted_from_one(said)}; write one whole JSON object on the line"


def _half_a_pair(line: bytes) -> bool:
    """Whether Python's reader, which lets halves of pairs through, reads the line with one in it."""
    if b"\\u" not in line:
        return False
    try:
        json.dumps(json.loads(line), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False
