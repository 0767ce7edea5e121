"""Read YAML files; each error is one line with file and place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

MOST_BYTES = 1 << 20
"""Size limit: a stack file has a few kilobytes."""


class BadFile(Exception):
    """A file that is not a readable mapping; the text says where and why, without the file's name."""


class _Loader(yaml.SafeLoader):
    """Refuses duplicate keys, as Pulumi does.

    It also refuses recursive anchors, and merges (``<<``) each key once, so that a short file cannot grow
    without limit.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        # Deep construction detects recursive anchors.
        self.deep_construct = True
        self._open: set[int] = set()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = "<<" if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                written = key_node.value if isinstance(key_node, yaml.ScalarNode) else key
                raise _error(f"the key {written} is not text; put it in quotes", key_node)
            if key in seen:
                raise _error(f"the key {key!r} is written twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Insert merged pairs before a mapping's own, those of the first source first."""
        own = [pair for pair in node.value if pair[0].tag != _MERGE]
        if len(own) == len(node.value):
            return
        self._open.add(id(node))
        seen = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
        merged = []
        for source in _sources(node):
            if id(source) in self._open:
                raise _error("a mapping is merged into itself", source)
            self.flatten_mapping(source)
            for key, value in source.value:
                if isinstance(key, yaml.ScalarNode) and key.value not in seen:
                    seen.add(key.value)
                    merged.append((key, value))
        self._open.discard(id(node))
        node.value = merged + own


_MERGE = "tag:yaml.org,2002:merge"


def _sources(node: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    for key, value in node.value:
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise _error("<< takes a mapping, or a list of mappings", source)
                yield source


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty for an empty file.

    Raises:
        BadFile: unreadable, too large, not YAML, or not a mapping.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise BadFile(f"is larger than {MOST_BYTES:,} bytes")
        found = yaml.load(text.decode(), _Loader)  # noqa: S506 -- a SafeLoader
    except OSError as error:
        raise BadFile(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise BadFile(f"is not UTF-8: {error.reason} at byte {error.start + 1}") from error
    except yaml.YAMLError as error:
        raise BadFile(_where(error)) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadFile(f"must be a mapping, not a {type(found).__name__}")
    return found


def _where(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"


class Plain(NamedTuple):
    """An unquoted value that YAML does not read as text: as written, and its type."""

    text: str
    read_as: str


_READ_AS = {"timestamp": "a date", "int": "a number", "float": "a number", "bool": "a boolean"}
_MOST_VALUES = 100_000


def plain_values(path: Path) -> dict[str, Plain]:
    """Such values of a YAML file by their paths, such as ``labels.since``; empty when it cannot be read."""
    try:
        loader = _Loader(path.read_text())
        node = loader.get_single_node()
        if node is None:
            return {}
        loader.construct_document(node)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return dict(_plain_below(node, ""))


def _plain_below(node: yaml.Node, at: str) -> Iterator[tuple[str, Plain]]:
    waiting = [(at, node)]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        at, node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += [(f"{at}.{key.value}" if at else str(key.value), value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(f"{at}[{index}]", value) for index, value in enumerate(node.value)]
        elif read_as := _READ_AS.get(node.tag.rpartition(":")[2]):
            yield at, Plain(node.value, read_as)
