"""Reading of YAML files that people write: a mistake in one is a line with the file and the place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 1 << 20
"""A stack file has a few kilobytes; what is larger is something else."""


class BadFile(Exception):
    """A file that cannot be read as a mapping; the text says where and why, without the file's name."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, as Pulumi does; YAML's own way is to forget the first.

    It also refuses an anchor that stands in itself, which has no end for whoever walks through the values.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        # What is made whole at once cannot hold itself.
        self.deep_construct = True

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} is not text", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} is written twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds; an empty file holds an empty one.

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
        raise BadFile(f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise BadFile(_where(error)) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadFile(f"must hold a mapping, not a {type(found).__name__}")
    return found


def _where(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
