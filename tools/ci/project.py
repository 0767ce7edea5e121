"""The project's stacks: which there are, what each is made of, which of them a change touches."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from posixpath import normpath
from typing import Any

import msgspec

from vertex_tuning.engine import Engine
from vertex_tuning.pricing import PRICES
from vertex_tuning.specs import is_gcs
from vertex_tuning.stack import Target
from vertex_tuning.stack.files import BadFile, read_mapping
from vertex_tuning.stack.layers import FOLDER, Layer, merge, own_values, read_shared, shared_files

# What every stack is run by.
EVERYONES = ("Pulumi.yaml", "infra/", "providers/", "requirements-run.lock")
# Copied, because Pulumi writes to stack files; everything else of the project is only read.
_COPIED = ("Pulumi.yaml", "infra", "stacks")
# Keys of another backend's secrets, which a state of its own cannot open.
_SECRETS = (b"encryptionsalt:", b"encryptedkey:", b"secretsprovider:")


class UnknownRevision(Exception):
    """Git cannot compare with what was asked for; the text is Git's own."""


class Stack(msgspec.Struct, frozen=True):
    """A stack as its files describe it.

    Attributes:
        name: as Pulumi calls it.
        values: its own values over those that it shares.
        files: every file that it is made of, relative to the project's folder.
        mistake: why its own file cannot be read; the engine reports it in this stack's preview, and the
            other stacks are none the worse for it.
    """

    name: str
    values: Mapping[str, Any]
    files: frozenset[str]
    problem: str = ""

    @property
    def team(self) -> str:
        """Whose it is."""
        return str(self.values.get("team", ""))

    def touched_by(self, changed: Iterable[str]) -> bool:
        """Whether a change of these files can change what the stack declares."""
        return any(path in self.files or path.startswith(EVERYONES) for path in changed)


def stacks(root: Path, target: Target) -> list[Stack]:
    """Every stack for this Vertex AI, by name.

    Raises:
        BadFile: a stack file whose name is none.
    """
    found = [_stack(root, path) for path in sorted((root / FOLDER).glob("Pulumi.*.yaml"))]
    return [stack for stack in found if stack.values.get("target", Target.GOOGLE.value) == target.value]


def changed_since(root: Path, revision: str) -> list[str]:
    """The files that differ between where this branch left ``revision`` and now.

    Raises:
        UnknownRevision: this clone does not have it.
    """
    ran = subprocess.run(
        ["git", "diff", "--name-only", "--no-renames", f"{revision}...HEAD", "--"],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise UnknownRevision(f"{revision}: {ran.stderr.strip().splitlines()[0]}")
    return ran.stdout.splitlines()


@contextmanager
def apart(root: Path) -> Iterator[Engine]:
    """An engine with a state of its own that starts empty: no backend, no credentials, nothing kept."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "project"
        (Path(made) / "state").mkdir()
        folder.mkdir()
        for entry in root.iterdir():
            if entry.name in _COPIED:
                copy = shutil.copytree if entry.is_dir() else shutil.copy
                copy(entry, folder / entry.name)
            elif not entry.name.startswith("."):
                (folder / entry.name).symlink_to(entry)
        for path in (folder / "stacks").glob("Pulumi.*.yaml"):
            # Bytes, because a file that is not UTF-8 is reported in its stack's preview.
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(line for line in lines if not line.startswith(_SECRETS)))
        yield Engine(
            folder,
            {
                "PULUMI_BACKEND_URL": (Path(made) / "state").as_uri(),
                "PULUMI_HOME": str(Path(made) / "home"),
                "PULUMI_CONFIG_PASSPHRASE": "nothing is kept",
                # Other stacks are not there to be read.
                "VERTEX_TUNING_OFFLINE": "1",
            },
        )


def _stack(root: Path, path: Path) -> Stack:
    name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    # Names become command lines and GitHub's environments; Pulumi allows no others.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise BadFile(f"{path.name}: {name!r} is no name of a stack")
    own_file = f"{FOLDER}/{path.name}"
    own: dict[str, Any] = {}
    try:
        own = own_values(_config(path))
        shared, _ = read_shared(root / FOLDER, own.get("team"), own.get("environment"))
        values = merge([*shared, Layer(own_file, own)]).values
    except BadFile as error:
        return Stack(name, own, frozenset({own_file}), f"{own_file}: {error}")
    # A shared file that is not there yet, or that was removed, counts as well.
    beside = (str(file) for file in shared_files(Path(FOLDER), own.get("team"), own.get("environment")))
    files = {own_file, *beside, *map(normpath, _inputs(values))}
    return Stack(name, values, frozenset(files))


def _config(path: Path) -> dict[str, Any]:
    found = read_mapping(path).get("config") or {}
    if not isinstance(found, dict):
        raise BadFile(f"config must be a mapping, not a {type(found).__name__}")
    return found


def _inputs(values: Mapping[str, Any]) -> Iterator[str]:
    """The files below the project that a stack's values name, and any word of a command that may be one."""
    yield str(values.get("prices", PRICES))
    services = values.get("services")
    for service in services if isinstance(services, list) else []:
        tuning = _below(service, "tuning")
        evaluation = _below(_below(service, "serving"), "evaluation")
        for source in (tuning.get("training_data"), tuning.get("validation_data"), evaluation.get("prompts")):
            if isinstance(source, str) and not is_gcs(source):
                yield source
        command = evaluation.get("command")
        for word in command if isinstance(command, list) else ():
            yield f"{evaluation.get('directory', '.')}/{word}"


def _below(values: Any, key: str) -> Mapping[str, Any]:
    found = values.get(key) if isinstance(values, Mapping) else None
    return found if isinstance(found, Mapping) else {}
