"""Glob patterns as Cloud Storage's lists take them: `**.txt`, `logs/202[0-5]/*`, `{a,b}/?`."""

import re

from vertex_emulator.wire.errors import StorageError

_MAX_GLOB = 1024
_TOKEN = re.compile(r"\*\*|\*|\?|\[(?P<not>[!^])?(?P<set>\]?[^\]]*)\]|[{},]|\\.|.", re.DOTALL)
_SIMPLE = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


def compile_glob(text: str) -> re.Pattern[str]:
    """A pattern for whole names: `*` and `?` stop at slashes, `**` does not. Raises StorageError 400."""
    if len(text) > _MAX_GLOB:
        raise _invalid(text)
    pattern, depth = "", 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in _SIMPLE:
            pattern += _SIMPLE[sign]
        elif token["set"]:
            inner = re.sub(r"([\\\[&|~])", r"\\\1", token["set"])
            pattern += f"(?!/)[{'^' if token['not'] else ''}{inner}]"
        elif sign == "{":
            pattern, depth = pattern + "(?:", depth + 1
        elif sign == "}" and depth:
            pattern, depth = pattern + ")", depth - 1
        elif sign == "," and depth:
            pattern += "|"
        else:
            pattern += re.escape(sign[1:] if len(sign) == 2 else sign)
    try:
        return re.compile(pattern, re.DOTALL)
    except (re.error, RecursionError):
        raise _invalid(text) from None


def _invalid(text: str) -> StorageError:
    return StorageError(400, f"Invalid value for matchGlob: '{text[:100]}'.", "invalid")
