"""Merge shared values with a stack's own, and keep each value's origin for messages.

Later files win: ``defaults.yaml``, ``environments/ENVIRONMENT.yaml``, ``teams/TEAM.yaml``, the stack's own
file. Mappings merge key by key, services by name; other values are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec

from ..problems import Problem
from .files import BadFile, read_mapping

NAMESPACE = "vertex-tuning"
FOLDER = "stacks"
"""The folder of stack files below a project's root: ``stackConfigDir`` in Pulumi.yaml."""
SLUG = r"^[a-z][a-z0-9_-]{0,62}$"
"""The form of team and environment names, which are file names, too."""
OWN = ("team", "environment")
"""Keys that only a stack's own file may set, because they choose the shared files."""


class Layer(msgspec.Struct, frozen=True):
    """One file's values.

    Attributes:
        file: its path, such as ``stacks/teams/search.yaml``.
        prefix: the prefix of its keys, ``vertex-tuning:`` in a stack's own file.
    """

    file: str
    values: Mapping[str, Any]
    prefix: str = ""


class Merged(msgspec.Struct, frozen=True):
    """The merged values of all layers, and where each came from."""

    values: dict[str, Any]
    origins: Mapping[str, str]
    default: str

    def place(self, path: str) -> str:
        """The file and the key at which the value at ``path`` is written, or would be."""
        known, rest = path, ""
        while known and known not in self.origins:
            cut = max(known.rfind("."), known.rfind("["), 0)
            known, rest = known[:cut], known[cut:] + rest
        return self.origins[known] + rest if known else self.default + path


def own_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a stack's configuration in our namespace."""
    prefix = f"{NAMESPACE}:"
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}


def shared_files(folder: Path, team: Any, environment: Any) -> list[Path]:
    """The shared files of a stack of this team and environment, in merge order.

    They need not exist. An invalid name has no file; the stack's own validation reports it.
    """
    names = ["defaults"]
    for kind, name in (("environments", environment), ("teams", team)):
        if isinstance(name, str) and re.fullmatch(SLUG, name):
            names.append(f"{kind}/{name}")
    return [folder / f"{name}.yaml" for name in names]


def read_shared(folder: Path, team: Any, environment: Any) -> tuple[list[Layer], list[Problem]]:
    """The values of the shared files that exist. A problem's path is the file's name."""
    layers, problems = [], []
    for path in shared_files(folder, team, environment):
        shown = path.relative_to(folder.parent).as_posix()
        if not path.exists():
            continue
        try:
            values = read_mapping(path)
        except BadFile as error:
            problems.append(Problem(shown, str(error)))
            continue
        problems += [
            Problem(f"{shown}: {key}", "belongs in the stack's own file") for key in OWN if key in values
        ]
        layers.append(Layer(shown, {key: value for key, value in values.items() if key not in OWN}))
    return layers, problems


def merge(layers: Sequence[Layer]) -> Merged:
    """Merge the layers; later ones win, and the last is the stack's own."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _Laying(origins, f"{layer.file}: {layer.prefix}").mapping(values, layer.values, "", "")
    own = layers[-1]
    return Merged(values, origins, f"{own.file}: {own.prefix}")


class _Laying:
    """Merges one file into the values; paths are text, as in messages."""

    def __init__(self, origins: dict[str, str], file: str) -> None:
        self._origins, self._file = origins, file

    def mapping(self, under: dict[str, Any], over: Mapping[str, Any], at: str, there: str) -> None:
        for key, value in over.items():
            path, written = _below(at, key), _below(there, key)
            if path == "services" and isinstance(value, list):
                self._origins[path] = self._file + written
                if not isinstance(under.get(key), list):
                    under[key] = []
                self._services(under[key], value)
            else:
                under[key] = self._value(under.get(key), value, path, written)

    def _value(self, under: Any, over: Any, at: str, there: str) -> Any:
        joined = isinstance(under, dict) and isinstance(over, dict)
        if not joined:
            for path in [path for path in self._origins if _inside(path, at)]:
                del self._origins[path]
        self._origins[at] = self._file + there
        if not isinstance(over, dict):
            return deepcopy(over)
        into = under if joined else {}
        self.mapping(into, over, at, there)
        return into

    def _services(self, under: list[Any], over: Iterable[Any]) -> None:
        known = {_name(service): index for index, service in enumerate(under)}
        for index, service in enumerate(over):
            name = _name(service)
            at = len(under) if name is None else known.get(name, len(under))
            if at == len(under):
                under.append(None)
            under[at] = self._value(under[at], service, f"services[{at}]", f"services[{index}]")


def _name(service: Any) -> str | None:
    name = service.get("name") if isinstance(service, dict) else None
    return name if isinstance(name, str) else None


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _inside(path: str, at: str) -> bool:
    return path == at or path.startswith((f"{at}.", f"{at}["))
