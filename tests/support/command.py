"""One command of the engine: a process of the provider of its own, which knows nothing from the one before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vertex_tuning.lifecycle import process, provider
from vertex_tuning.vertex import Vertex
from vertex_tuning.vertex.view import View

_VIEWS: list[dict[int, View]] = []


@contextmanager
def one_command() -> Iterator[None]:
    """Providers that are called inside share one view of Google; inside of another one it is the same."""
    if _VIEWS:
        yield
        return
    provider._vertex.cache_clear()
    process.COMMAND.edited.clear()
    _VIEWS.append({})
    try:
        yield
    finally:
        _VIEWS.pop()


def view_of(vertex: Vertex, claims_for: float, now: Callable[[], float]) -> View:
    """The view of this command; outside of one, each call is a command of its own."""
    shared = _VIEWS[-1] if _VIEWS else {}
    return shared.setdefault(id(vertex), View(vertex, claims_for, now))
