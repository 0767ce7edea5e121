"""Makes a program that only declares resources quicker; nothing here happens by an import."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from types import ModuleType
from typing import Any


def speed_up() -> None:
    """Shorten this process's time in Pulumi's SDK; call it first in a program, before anything is declared.

    For a program's own process, which ends when everything is declared: collecting garbage stops, the SDK
    waits for all outputs at once instead of looking at each again whenever one is there, and states hold no
    stack traces. What an SDK of another version does differently stays as it is.
    """
    gc.disable()
    _wait_once()
    _without_stack_traces()


def _wait_once() -> None:
    """SDK 3.272 goes through all pending outputs each time that one of them is done."""
    from pulumi.runtime import stack

    wait_for_rpcs = getattr(stack, "wait_for_rpcs", None)
    known = {"asyncio", "wait", "FIRST_COMPLETED", "SETTINGS", "outputs"}
    code = getattr(wait_for_rpcs, "__code__", None)
    if code is None or not known <= set(code.co_names) or getattr(stack, "asyncio", None) is not asyncio:
        return
    replaced = ModuleType("asyncio")
    replaced.__dict__.update(asyncio.__dict__)
    replaced.__dict__["wait"] = _wait
    setattr(stack, "asyncio", replaced)  # noqa: B010 - the SDK's types do not know that it may be another


async def _wait(tasks: Iterable[asyncio.Task[Any]], **_asked: Any) -> tuple[set[Any], set[Any]]:
    """``asyncio.wait`` for the end of all, or the first error."""
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)


def _without_stack_traces() -> None:
    """A third of a resource's state is the stack of functions in which it was declared: our own."""
    from pulumi.runtime import resource
    from pulumi.runtime.proto import source_pb2

    empty = getattr(source_pb2, "StackTrace", None)
    if empty is not None and hasattr(resource, "_get_stack_trace"):
        resource._get_stack_trace = empty
