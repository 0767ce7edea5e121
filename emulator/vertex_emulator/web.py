"""The HTTP protocol of the server: a request knows its connection, so that a fault can cut it."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from vertex_emulator.front import TRANSPORT


class CuttableProtocol(H11Protocol):
    """h11 with the transport in the ASGI scope's extensions."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection for the requests that come over it."""
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            await inner(scope, receive, send)

        self.app = with_transport
