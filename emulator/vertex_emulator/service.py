"""What every request handler works with."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vertex_emulator.faults import FaultBook
from vertex_emulator.price_list import PriceList
from vertex_emulator.request_log import RequestLog
from vertex_emulator.request_rate import RequestRate
from vertex_emulator.settings import Settings
from vertex_emulator.store.store import Store

if TYPE_CHECKING:
    from vertex_emulator.jobs.operations import Method
    from vertex_emulator.predictor import Predictor


class Service:
    """The store, the clock and the parts that outlive a request."""

    def __init__(
        self, settings: Settings, store: Store, methods: Mapping[str, "Method"], predictor: "Predictor"
    ) -> None:
        self.settings = settings
        self.store = store
        self.methods = methods
        self.predictor = predictor
        self.faults = FaultBook()
        self.requests = RequestLog()
        self.rate = RequestRate()
        self.price_list = PriceList()
        self.uploading: set[str] = set()
        """Uploads that a request is just writing to, or putting together."""
        self.changed = asyncio.Event()
        """Set when the runner should look again; handlers set it through `wake`."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def wake(self) -> None:
        """Something was submitted or cancelled."""
        self.changed.set()
