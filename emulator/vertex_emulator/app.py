"""The ASGI application: what starts with the server and ends with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette

from vertex_emulator.api import served
from vertex_emulator.front import Front
from vertex_emulator.jobs.runner import Runner
from vertex_emulator.predictor import Predictor
from vertex_emulator.service import Service
from vertex_emulator.settings import Settings
from vertex_emulator.store.store import Store


def make_app(settings: Settings) -> Starlette:
    """The application over a data folder. The store opens when the server starts."""
    front = Front()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        store = Store(settings.data)
        service = Service(settings, store, served.METHODS, Predictor(store, settings.cache))
        front.service = service
        runner = asyncio.create_task(Runner(service).run())
        try:
            yield
        finally:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner
            service.predictor.close()
            store.close()

    app = Starlette(lifespan=lifespan)
    app.mount("/", front)
    return app
