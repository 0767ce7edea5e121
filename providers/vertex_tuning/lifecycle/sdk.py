"""Reaches into Pulumi's Python SDK that have no public way; another version may refuse each of them."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

WORKERS = 64


class Unsupported(Exception):
    """This version of the SDK is built otherwise."""


def more_workers() -> None:
    """Let the server work on 64 resources at a time: it has 4 threads, and a waiting create holds one.

    Raises:
        Unsupported: this thread is none of such a server.
    """
    try:
        executor = threading.current_thread()._args[0]()  # type: ignore[attr-defined]
        executor._max_workers = max(executor._max_workers, WORKERS)
    except (AttributeError, IndexError, TypeError) as error:
        raise Unsupported(str(error)) from None


def hear_cancel() -> None:
    """End every wait when the engine calls Cancel, as it does on Ctrl-C and SIGTERM.

    The SDK's Cancel does nothing and its server holds the method itself, so the method's body is exchanged;
    of a wrapped method, that of the innermost function.

    Raises:
        Unsupported: there is no such method, or its body cannot be exchanged.
    """
    servicer = getattr(sys.modules["__main__"], "DynamicResourceProviderServicer", None)
    method: Any = getattr(servicer, "Cancel", None)
    method = inspect.unwrap(method) if callable(method) else None
    if not isinstance(method, FunctionType):
        raise Unsupported("DynamicResourceProviderServicer has no function Cancel")
    try:
        method.__code__ = _cancelled.__code__
    except ValueError as error:
        raise Unsupported(str(error)) from None


def _cancelled(_self: Any, _request: Any, _context: Any) -> Any:
    # Runs among the SDK's globals: everything it needs it imports.
    from google.protobuf.empty_pb2 import Empty

    from vertex_tuning.lifecycle.process import cancel

    cancel()
    return Empty()


STEPS: tuple[tuple[Callable[[], None], str], ...] = (
    (more_workers, "only 4 resources are worked on at a time"),
    (hear_cancel, "Ctrl-C does not end a wait; press it twice"),
)
"""Each step, and what is missing without it."""
