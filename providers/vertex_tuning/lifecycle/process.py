"""The provider's own process: what is set up once in it, and how it speaks to the user."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from functools import cache
from typing import Any

from .. import plain
from ..vertex.errors import Transient
from . import sdk

WATCH_SECONDS = 0.5


class Command:
    """What is known of the engine's command that this process serves; each command has a process of its own.

    Attributes:
        edited: owners of the services that it edits.
        warned: warnings about no resource in particular, which are shown once.
        cancelled: set when the engine was asked to stop.
    """

    def __init__(self) -> None:
        self.edited: set[str] = set()
        self.warned: set[str] = set()
        self.cancelled = threading.Event()


COMMAND = Command()


class Interrupted(Transient):
    """The user or the runner wants `pulumi` to end; the text says what was being waited for.

    Attributes:
        under_way: it goes on by itself; otherwise nothing was asked for yet, or it was refused.
    """

    def __init__(self, text: str, *, under_way: bool = True) -> None:
        super().__init__(text)
        self.under_way = under_way


class EngineClock:
    """The module ``time``, but for a sleep that ends when the engine wants to."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    def sleep(self, seconds: float, /) -> None:
        """Wait.

        Raises:
            Interrupted: the engine was asked to stop, before or meanwhile.
        """
        if COMMAND.cancelled.wait(seconds):
            raise Interrupted("pulumi was interrupted")


@cache
def prepare() -> None:
    """Make this process fit for waiting; called when a provider is configured, in its process only."""
    # Imported here: the program, which imports this module too, does without it.
    from stamina.instrumentation import set_on_retry_hooks

    # An exception becomes the printed traceback in the user's terminal: leave only its last line.
    sys.tracebacklimit = 0
    # What is tried again is logged, and a log line shows in the stack's row as if it were an error.
    set_on_retry_hooks([])
    lacking = []
    for step, without in sdk.STEPS:
        try:
            step()
        except sdk.Unsupported:
            lacking.append(without)
    if lacking:
        warn(f"this version of Pulumi's Python SDK is not fully supported: {'; '.join(lacking)}")
    threading.Thread(target=_stop_with_the_engine, daemon=True, name="engine-watch").start()
    # What is loaded by now stays: collecting garbage among it, as the end does too, is time for nothing.
    gc.freeze()


def cancel() -> None:
    """End every wait of this process, now and from now on."""
    COMMAND.cancelled.set()


def _stop_with_the_engine() -> None:
    """A provider outlives a killed engine and would finish calls that nobody records: stop instead.

    The engine starts it through a shell, so its parent says nothing: it looks whether the engine listens.
    """
    host, _, port = _address().rpartition(":")
    while host:
        time.sleep(WATCH_SECONDS)
        try:
            socket.create_connection((host, int(port)), timeout=WATCH_SECONDS).close()
        except ConnectionRefusedError:
            os._exit(1)
        except OSError:
            continue


def _address() -> str:
    """Where the engine listens: this process's last argument; empty in any other process."""
    return sys.argv[-1] if ":" in sys.argv[-1] else ""


@cache
def _engine() -> Any:
    """The engine's own service."""
    import grpc
    from pulumi.runtime.proto import engine_pb2_grpc

    address = _address()
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None


def warn(text: str) -> None:
    """Show a warning that is about no resource in particular, once for each command of the engine."""
    if text not in COMMAND.warned:
        COMMAND.warned.add(text)
        say("", text, warning=True)


def say(urn: str, text: str, *, passing: bool = False, warning: bool = False) -> None:
    """Show a line in the resource's row; ``passing`` lines are progress and not kept."""
    # Progress is a courtesy: losing it must not fail an operation that costs money.
    try:
        from pulumi.runtime.proto import engine_pb2

        engine = _engine()
        if engine is None:
            return
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        engine.Log(
            engine_pb2.LogRequest(severity=severity, message=plain.line(text), urn=urn, ephemeral=passing),
            timeout=2.0,
        )
    except Exception:  # noqa: BLE001 - see above; grpc's own classes vary by version
        return
