"""One run of `pulumi up`: how it ended, and whether what went wrong may pass by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from ..vertex.failures import PASSING
from . import engine
from .locks import Lock, held

_CLOSING = "update failed"
"""The engine's own last error of a run in which others were told before."""


class Run(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        code: the engine's exit code.
        errors: what it has shown as errors, one line each.
        locks: what kept it from starting.
    """

    code: int
    errors: tuple[str, ...] = ()
    locks: tuple[Lock, ...] = ()

    @property
    def may_pass(self) -> bool:
        """Whether another run may go better: every error is of a class that passes by itself."""
        return bool(self.errors) and all(error.partition(":")[0] in PASSING for error in self.errors)


def up(stack: str, *options: str, to: IO[str] | None, extra: Mapping[str, str]) -> Run:
    """Run `pulumi up` to its end.

    The errors are read from the engine's log of events, as Pulumi's Automation API does: what it prints is
    for eyes.
    """
    with tempfile.TemporaryDirectory(prefix="vertex-tuning-") as folder:
        log = Path(folder) / "events.json"
        command = ("up", "--yes", "--skip-preview", *options, "--event-log", str(log))
        ended = engine.pulumi(stack, *command, to=to, extra={**extra, "PULUMI_DEBUG_COMMANDS": "true"})
        lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
    return Run(ended.code, errors(lines), tuple(held(ended.complained)))


class _Diagnostic(msgspec.Struct):
    message: str
    severity: str


class _Event(msgspec.Struct, rename="camel"):
    diagnostic_event: _Diagnostic | None = None


_EVENT = msgspec.json.Decoder(_Event)


def errors(events: list[bytes]) -> tuple[str, ...]:
    """The errors among the engine's events, without the one that only says that there were some.

    Args:
        events: lines with their ends; an engine that was killed may have left half of the last one.
    """
    told = (_EVENT.decode(line).diagnostic_event for line in events if line.endswith(b"\n"))
    found = (" ".join(each.message.split()) for each in told if each and each.severity == "error")
    return tuple(error for error in found if error != _CLOSING)
