"""The HTTP protocol of the server: connections that faults can cut, and that cannot be held in silence."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from vertex_emulator.front import TRANSPORT

HEAD_S = 10.0
"""Seconds that a client may take to send the head of a request."""


class GuardedProtocol(H11Protocol):
    """h11 with the transport in the ASGI scope's extensions, and a bound on silent connections.

    A connection that sends no complete head in time is closed. When there are too many, the ones that have
    waited longest without a request make room.
    """

    _since = 0.0
    _head_timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> bool:
        """Whether no request is being answered on this connection."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection for the requests that come over it."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch()
        self._make_room()
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            await inner(scope, receive, send)

        self.app = with_transport

    def data_received(self, data: bytes) -> None:
        """Take in bytes; a head that has begun has to be complete in time."""
        super().data_received(data)
        self._since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        if not self.waiting:
            self._stop_watching()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._close_if_waiting)

    def _stop_watching(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_if_waiting(self) -> None:
        self._head_timer = None
        if self.waiting and not self.transport.is_closing():
            self.transport.close()

    def _make_room(self) -> None:
        if len(self.connections) < (self.limit_concurrency or len(self.connections) + 1):
            return
        silent = [
            each
            for each in self.connections
            if isinstance(each, GuardedProtocol) and each.waiting and each is not self
        ]
        if silent:
            oldest = min(silent, key=lambda each: each._since)
            self.connections.discard(oldest)
            oldest.transport.close()
