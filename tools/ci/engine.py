"""The Pulumi engine on PATH, run on one stack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from vertex_tuning.report import Preview, read_preview

# Copied, because Pulumi writes to stack files; everything else of the project is only read.
_COPIED = ("Pulumi.yaml", "infra", "stacks")
# Keys of another backend's secrets, which a state of its own cannot open.
_SECRETS = (b"encryptionsalt:", b"encryptedkey:", b"secretsprovider:")

# In a bucket or folder of ours, and at Pulumi's service.
_LOCKED = re.compile(r"^error: .*(the stack is currently locked|Another update is currently in progress)")


class EngineFailed(Exception):
    """A command of the engine ended with an error; the text is what it printed."""


class StackLocked(EngineFailed):
    """Somebody else is at work on the stack; nothing was done."""


class Engine(msgspec.Struct, frozen=True):
    """The engine in a project's folder.

    Attributes:
        folder: where Pulumi.yaml is.
        environment: what is added to this process's environment.
    """

    folder: Path
    environment: Mapping[str, str] = {}

    def run(self, stack: str, *arguments: str) -> str:
        """Run a command and return what it printed.

        Raises:
            EngineFailed: it ended with another status than 0.
        """
        return self._pulumi(*arguments, "--stack", stack)

    def shown(self, stack: str, *arguments: str) -> int:
        """Run a command whose output is the reader's; the status is its own.

        Raises:
            StackLocked: it could not begin.
        """
        command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            told = []
            for line in running.stderr or ():
                sys.stderr.write(line)
                told.append(line)
        if running.returncode and any(_LOCKED.search(line) for line in told):
            raise StackLocked("".join(told).strip().removeprefix("error: "))
        return running.returncode

    def exists(self, stack: str) -> bool:
        """Whether the backend has this stack."""
        listed: list[dict[str, Any]] = msgspec.json.decode(self._pulumi("stack", "ls", "--json"))
        return stack in {each["name"].rsplit("/", 1)[-1] for each in listed}

    def preview(self, stack: str, *, refresh: bool) -> Preview:
        """What an ``up`` would do; with ``refresh`` after a look at what is really there.

        Raises:
            EngineFailed: there is none, or it cannot be read.
        """
        # What stays as it is counts in a report's sums.
        more = ("--show-sames", "--refresh") if refresh else ("--show-sames",)
        text = self.run(stack, "preview", "--json", *more)
        try:
            return read_preview(text.encode())
        except ValueError as error:
            raise EngineFailed(str(error)) from error

    def outputs(self, stack: str) -> dict[str, Any]:
        """What the stack exported last."""
        return msgspec.json.decode(self.run(stack, "stack", "output", "--json"), type=dict[str, Any])

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", **self.environment}

    def _pulumi(self, *arguments: str) -> str:
        ran = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise EngineFailed(_told(ran.stdout, ran.stderr))
        return ran.stdout


def _told(output: str, errors: str) -> str:
    """What a failed command says to a reader; with ``--json`` the errors are in its diagnostics."""
    try:
        found = msgspec.json.decode(output, type=dict[str, Any])
    except msgspec.DecodeError:
        return "\n".join(part.strip() for part in (output, errors) if part.strip())
    said = [
        str(entry.get("message", "")).strip()
        for entry in found.get("diagnostics", ())
        if entry.get("severity") in ("error", "info#err")
    ]
    return "\n".join(dict.fromkeys([*said, *([errors.strip()] if errors.strip() else [])]))


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
            # Bytes, because a file that is not UTF-8 is told in its own stack's preview.
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
