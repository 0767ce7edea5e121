"""Glob patterns as Cloud Storage's lists take them: `**.txt`, `logs/202[0-5]/*`, `{a,b}/?`.

A name is matched in time linear in its length, whatever the pattern: a backtracking regular expression of
many stars would hold up the whole server.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from vertex_emulator.wire.errors import StorageError

_MAX_GLOB = 1024
_MAX_EXPANDED = 4 * _MAX_GLOB  # characters of all alternatives together
_PART = re.compile(r"\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|\\.|.", re.DOTALL)
_BRACES = re.compile(r"\\.|\[[!^]?\]?[^\]]*\]|[{},]|[^\\\[{},]+|.", re.DOTALL)


@dataclass
class _Alternative:
    """A pattern without braces, as an automaton whose states are the bits of an integer.

    State N means that N characters of the pattern (`atoms`) are matched. Stars do not consume an atom: they
    keep their state.
    """

    atoms: list[Callable[[str], bool]] = field(default_factory=list)
    stays: int = 0  # states that `*` keeps at any character but a slash
    stays_anywhere: int = 0  # states that `**` keeps
    skips: int = 0  # states where `**/` may stand for no folder at all
    masks: dict[str, int] = field(default_factory=dict)

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        states = self._entered(1)
        for sign in name:
            kept = states & (self.stays_anywhere | (self.stays if sign != "/" else 0))
            states = self._entered((states & self._mask(sign)) << 1) | kept
            if not states:
                return False
        return bool(states >> len(self.atoms) & 1)

    def _entered(self, states: int) -> int:
        while (more := states | (states & self.skips) << 1) != states:
            states = more
        return states

    def _mask(self, sign: str) -> int:
        if sign not in self.masks:
            self.masks[sign] = sum(1 << n for n, fits in enumerate(self.atoms) if fits(sign))
        return self.masks[sign]


@dataclass(frozen=True)
class Glob:
    """A compiled pattern."""

    alternatives: tuple[_Alternative, ...]

    def matches(self, name: str) -> bool:
        """Whether a whole name matches: `*` and `?` stop at slashes, `**` does not."""
        return any(alternative.matches(name) for alternative in self.alternatives)


def compile_glob(text: str) -> Glob:
    """A pattern for whole names. Raises StorageError 400."""
    if len(text) > _MAX_GLOB:
        raise _invalid(text)
    return Glob(tuple(_alternative(each, text) for each in _expanded(text)))


def _expanded(text: str) -> list[str]:
    """The pattern without braces: one text for each choice."""
    stack: list[tuple[list[str], list[str]]] = []  # for each open brace: what precedes it, the choices before
    current = [""]
    for part in _BRACES.findall(text):
        if part == "{":
            stack.append((current, []))
            current = [""]
        elif part == "," and stack:
            stack[-1][1].extend(current)
            current = [""]
        elif part == "}" and stack:
            before, choices = stack.pop()
            current = [head + choice for head in before for choice in (*choices, *current)]
        else:
            current = [head + part for head in current]
        if sum(map(len, current)) > _MAX_EXPANDED or len(current) > _MAX_EXPANDED:
            raise _invalid(text)
    if stack:
        raise _invalid(text)
    return current


def _alternative(pattern: str, whole: str) -> _Alternative:
    made = _Alternative()
    parts = _PART.findall(pattern)
    for index, part in enumerate(parts):
        state = 1 << len(made.atoms)
        if part == "*":
            made.stays |= state
        elif part == "**":
            made.stays_anywhere |= state
            starts_folder = index == 0 or parts[index - 1] == "/"
            if starts_folder and parts[index + 1 : index + 2] == ["/"]:
                made.skips |= state
        else:
            made.atoms.append(_atom(part, whole))
    return made


def _atom(part: str, whole: str) -> Callable[[str], bool]:
    if part == "?":
        return lambda sign: sign != "/"
    if len(part) > 2 and part.startswith("["):
        inner = part[1:-1]
        negated = inner[0] in "!^" and len(inner) > 1
        inner = re.sub(r"([\\\[\]&|~^])", r"\\\1", inner[1:] if negated else inner)
        try:
            found = re.compile(f"[{'^' if negated else ''}{inner}]", re.DOTALL)
        except re.error:
            raise _invalid(whole) from None
        return lambda sign: sign != "/" and found.match(sign) is not None
    plain = part[1:] if len(part) == 2 else part
    return lambda sign: sign == plain


def _invalid(text: str) -> StorageError:
    return StorageError(400, f"Invalid value for matchGlob: '{text[:100]}'.", "invalid")
