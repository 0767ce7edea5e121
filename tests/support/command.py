"""One command of the engine: a process of the provider of its own, which knows nothing from the one before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vertex_tuning.lifecycle import process, provider
from vertex_tuning.vertex import Vertex
from vertex_tuning.vertex.view import View


@dataclass(frozen=True)
class _Running:
    joined: bool
    views: dict[int, View] = field(default_factory=dict)


_RUNNING: list[_Running] = []


@contextmanager
def one_command(*, of_many: bool = False) -> Iterator[None]:
    """Providers that are called inside share one view of Google.

    Inside of another command it is one of another process, unless that one is ``of_many``: then all that begin
    in it are one command.
    """
    if _RUNNING and _RUNNING[-1].joined:
        yield
        return
    provider._vertex.cache_clear()
    process.COMMAND.edited.clear()
    _RUNNING.append(_Running(of_many))
    try:
        yield
    finally:
        _RUNNING.pop()


def view_of(vertex: Vertex, claims_for: float, now: Callable[[], float]) -> View:
    """The view of this command; outside of one, each call is a command of its own."""
    shared = _RUNNING[-1].views if _RUNNING else {}
    return shared.setdefault(id(vertex), View(vertex, claims_for, now))
