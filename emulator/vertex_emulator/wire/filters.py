"""The list filter language: the part of AIP-160 that Vertex AI's list methods document.

display_name="x" AND labels.team=blue OR NOT labels.env:*

OR binds tighter than AND there: this is `display_name="x" AND (labels.team=blue OR NOT labels.env:*)`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from vertex_emulator.wire.errors import ApiError, invalid, unimplemented
from vertex_emulator.wire.names import camel_case, snake_case

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
Comparable = TypeVar("Comparable", str, datetime)

_TOKEN = re.compile(
    r"\s*(?:(?P<op><=|>=|!=|=|<|>|:)|(?P<paren>[()])|(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<word>[^\s()<>=!:\"']+))"
)
_MAX_FILTER = 2048
_MAX_DEPTH = 20


def compile_filter(text: str, fields: frozenset[str]) -> Predicate:
    """A predicate over resources in JSON form.

    `fields` are the names that may be compared, in snake case; `labels.KEY` is always allowed.
    Raises ApiError INVALID_ARGUMENT for anything else.
    """
    if not text.strip():
        return lambda _: True
    if len(text) > _MAX_FILTER:
        raise invalid(f"The filter is longer than {_MAX_FILTER} characters.")
    parser = _Parser(text, fields)
    predicate = parser.conjunction(0)
    if parser.peek() is not None:
        raise parser.error()
    return predicate


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise invalid(f"Invalid filter '{text}'.")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, text: str, fields: frozenset[str]) -> None:
        self._text = text
        self._fields = fields
        self._tokens = _tokens(text)
        self._at = 0

    def error(self) -> ApiError:
        return invalid(f"Invalid filter '{self._text}'.")

    def peek(self) -> tuple[str, str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> tuple[str, str]:
        token = self.peek()
        if token is None:
            raise self.error()
        self._at += 1
        return token

    def _accept(self, word: str) -> bool:
        if self.peek() in {("word", word), ("paren", word)}:
            self._at += 1
            return True
        return False

    def conjunction(self, depth: int) -> Predicate:
        parts = [self._disjunction(depth)]
        # What stands side by side is joined by AND, as AIP-160 has it; there OR binds tighter than AND.
        while self._accept("AND") or self.peek() not in {None, ("paren", ")")}:
            parts.append(self._disjunction(depth))
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _disjunction(self, depth: int) -> Predicate:
        parts = [self._term(depth)]
        while self._accept("OR"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _term(self, depth: int) -> Predicate:
        if depth > _MAX_DEPTH:
            raise self.error()
        if self._accept("NOT"):
            inner = self._term(depth + 1)
            return lambda item: not inner(item)
        if self._accept("("):
            inner = self.conjunction(depth + 1)
            if not self._accept(")"):
                raise self.error()
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        kind, name = self._take()
        if kind != "word":
            raise self.error()
        if name == "labels.":  # a key in quotes
            name += self._value()[1]
        kind, operator = self._take()
        if kind != "op":
            raise self.error()
        kind, value = self._value()
        if name == "labels":
            if operator != ":":
                raise self.error()
            return lambda item: value in item.get("labels", {})
        read = self._reader(name)
        if operator == ":" and (kind, value) == ("word", "*"):
            return lambda item: read(item) is not None
        if not snake_case(name).endswith("_time"):
            return lambda item: _compare(operator, read(item), value)
        wanted = _moment(value)
        if wanted is None:
            raise invalid(f"Invalid filter '{self._text}': '{value}' is no time.")
        return lambda item: _compare(operator, _moment(read(item)), wanted)

    def _value(self) -> tuple[str, str]:
        kind, value = self._take()
        if kind not in {"word", "string"}:
            raise self.error()
        return kind, value if kind == "word" else re.sub(r"\\(.)", r"\1", value[1:-1])

    def _reader(self, name: str) -> Callable[[Json], str | None]:
        if name.startswith("labels."):
            key = name.removeprefix("labels.")
            return lambda item: item.get("labels", {}).get(key)
        snake = snake_case(name)
        if snake == "base_model_name":
            raise unimplemented(f"A filter by {name}")
        if snake not in self._fields:
            raise invalid(f"Invalid filter '{self._text}': field '{name}' cannot be filtered on.")
        camel = camel_case(snake)
        if snake in {"endpoint", "model"}:
            # These compare with the last part of the name, as `endpoint=123`.
            return lambda item: item["name"].rpartition("/")[2].partition("@")[0]
        return lambda item: None if item.get(camel) is None else str(item[camel])


def _moment(text: str | None) -> datetime | None:
    """A time in RFC 3339; one without an offset is in UTC. None when it is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _compare(operator: str, actual: Comparable | None, wanted: Comparable) -> bool:
    if operator == "!=":
        return actual != wanted
    if actual is None:
        return False
    match operator:
        case "=":
            return actual == wanted
        case ":":
            return wanted in actual if isinstance(actual, str) else actual == wanted
        case "<":
            return actual < wanted
        case "<=":
            return actual <= wanted
        case ">":
            return actual > wanted
        case _:
            return actual >= wanted
