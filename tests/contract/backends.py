"""One Vertex of the contract, and HTTP to it."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import requests
from google.auth.transport.requests import AuthorizedSession

from vertex_tuning.vertex import Connection, Vertex
from vertex_tuning.vertex.errors import of_rpc

REGION = "us-central1"
PATIENCE_S = {"real": 4 * 3600.0}
"""How long something may take to come true; a real tuning takes hours."""


@dataclass(frozen=True)
class Wire:
    """HTTP to one service, with its credentials: for rules of requests that the plugin never sends."""

    connection: Connection
    session: AuthorizedSession
    vertex: str
    storage: str

    def call(self, method: str, url: str, body: Any = None, **options: Any) -> requests.Response:
        """One request; a URL without a scheme is a path of Vertex AI."""
        whole = url if "://" in url else f"{self.vertex}/{url}"
        answer: requests.Response = self.session.request(  # type: ignore[no-untyped-call]
            method, whole, json=body, timeout=120, **options
        )
        return answer

    def ok(self, method: str, url: str, body: Any = None, **options: Any) -> Any:
        """The answer of a request that succeeds."""
        answer = self.call(method, url, body, **options)
        assert answer.ok, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json()


@dataclass(frozen=True)
class Backend:
    """A Vertex and what a test needs to know of it.

    Attributes:
        run: marks what this run makes: it is in every display name, and a label of every job.
        pass_time: lets so many seconds pass for the service.
        choosing_ids: meanwhile the service chooses the ids of endpoints and models; the real one does as it likes.
        spent: what was asked for that costs money, by kind.
    """

    name: str
    vertex: Vertex
    project: str
    bucket: str
    run: str
    sleep: Callable[[float], object]
    wire: Wire | None = None
    pass_time: Callable[[float], object] = time.sleep
    choosing_ids: Callable[[], AbstractContextManager[object]] = nullcontext
    spent: Counter[str] = field(default_factory=Counter)

    @property
    def folder(self) -> str:
        """A folder that nobody used before."""
        return f"gs://{self.bucket}/contract-{self.run}"

    @property
    def parent(self) -> str:
        """Where everything is."""
        return f"projects/{self.project}/locations/{REGION}"

    def until(self, seen: Callable[[], Any], seconds: float = 120.0) -> Any:
        """Wait for something to come true, and give it."""
        pause = 15.0 if self.name == "real" else 0.2
        for _ in range(int(PATIENCE_S.get(self.name, seconds) / pause)):
            found = seen()
            if found:
                return found
            self.sleep(pause)
        raise AssertionError("it did not come true in time")

    def finish(self, operation: str | None) -> Any:
        """Wait for an operation and give it; raises what it ended in."""
        if operation is None:
            return None

        def done() -> Any:
            found = self.vertex.serving.operation(operation)
            return found if found is None or found.done else None

        ended = self.until(done)
        if ended.error_code:
            raise of_rpc(ended.error_code, ended.error_message)
        return ended
