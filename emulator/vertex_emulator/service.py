"""What every request handler works with: the service, and methods that answer with an operation."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vertex_emulator.faults import FaultBook
from vertex_emulator.predictor import Predictor
from vertex_emulator.price_list import PriceList
from vertex_emulator.replicas import Replicas
from vertex_emulator.request_log import RequestLog
from vertex_emulator.request_rate import RequestRate
from vertex_emulator.settings import Settings, Speed
from vertex_emulator.store.operations import Operation
from vertex_emulator.store.store import Store

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One effect, and how long the service takes before it."""

    effect: Callable[["Service", Operation], None]
    delay: Callable[[Speed], float] = lambda speed: speed.operation_s


@dataclass(frozen=True)
class Method:
    """A method of Google's that answers with an operation.

    `metadata` and `response` are message names; `respond` gives the response in v1beta1 JSON. A method whose
    `response` is None answers with google.protobuf.Empty.
    """

    metadata: str
    steps: tuple[Step, ...]
    response: str | None = None
    respond: Callable[["Service", Operation], Json] = lambda _service, _operation: {}
    describe: Callable[[Operation], Json] = lambda _operation: {}
    """Metadata beyond the generic part."""


class Service:
    """The store, the clock and the parts that outlive a request."""

    def __init__(
        self, settings: Settings, store: Store, methods: Mapping[str, Method], predictor: Predictor
    ) -> None:
        self.settings = settings
        self.store = store
        self.methods = methods
        self.predictor = predictor
        self.faults = FaultBook()
        self.requests = RequestLog()
        self.rate = RequestRate()
        self.price_list = PriceList()
        self.ahead_s = 0.0
        """How far the clock was moved ahead of the machine's, for tests of what happens after hours."""
        self.replicas = Replicas(self.now())
        self.uploading: set[str] = set()
        """Uploads that a request is just writing to, or putting together."""
        self.changed = asyncio.Event()
        """Set when the runner has new work; handlers set it with `wake`."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead_s

    def wake(self) -> None:
        """Something was submitted or cancelled."""
        self.changed.set()
