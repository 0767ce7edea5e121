"""Locks on a stack: whose they are, and which may be taken away."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from . import engine, ui

_HELD = re.compile(r"^\s*(\S+): created by \S+@(\S+) \(pid (\d+)\)", re.MULTILINE)


class Lock(NamedTuple):
    """A lock: where it is, and the process that wrote it."""

    place: str
    hostname: str
    pid: int


def held(complained: str) -> list[Lock]:
    """The locks that kept a command of the engine from starting, by its own words."""
    return [Lock(place, hostname, int(pid)) for place, hostname, pid in _HELD.findall(complained)]


def free(stack: str, locks: Sequence[Lock]) -> None:
    """Take a stack's locks away, if all are of dead processes of this machine.

    Raises:
        typer.Exit: someone who may live holds one.
        EngineFailed: they cannot be taken away.
    """
    for lock in locks:
        if not of_the_dead(lock, socket.gethostname()):
            holder = f"process {lock.pid} on {lock.hostname}, which may be at work"
            mend = f"pulumi cancel --stack {stack}, then: pulumi up --refresh --stack {stack}"
            ui.fail(f"{stack} is locked by {holder}: let it end; or if you know that it is dead: {mend}")
    pids = ", ".join(str(lock.pid) for lock in locks)
    ui.note(f"{stack}: process {pids} held the lock and is dead; taking the lock away")
    ended = engine.pulumi(stack, "cancel", "--yes", to=subprocess.DEVNULL)
    if ended.code:
        raise engine.EngineFailed("cancel", ended.code)


def of_the_dead(lock: Lock, hostname: str) -> bool:
    """Whether its process ran on this machine and is gone.

    A name proves that only for state in a folder: machines that share a bucket may share a name, as a
    service's hosted runners do.
    """
    if urlsplit(lock.place).scheme != "file" or lock.hostname != hostname:
        return False
    try:
        with suppress(PermissionError):
            os.kill(lock.pid, 0)
    except ProcessLookupError:
        return True
    return False
