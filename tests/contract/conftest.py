"""The backends of the contract: the fake, the embedded Vertex AI, and the real one where a project is named.

The real one runs when VERTEX_TUNING_CONTRACT_PROJECT and VERTEX_TUNING_CONTRACT_BUCKET are set; it is paid for.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import BUCKET, PROJECT
from tests.support.fake import FakeVertex
from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.errors import of_rpc

REGION = "us-central1"
REAL = os.environ.get("VERTEX_TUNING_CONTRACT_PROJECT"), os.environ.get("VERTEX_TUNING_CONTRACT_BUCKET")
BACKENDS = ["fake", "embedded", *(["real"] if all(REAL) else [])]


@dataclass(frozen=True)
class Backend:
    """A Vertex and what a test needs to know of it."""

    name: str
    vertex: Vertex
    project: str
    folder: str
    sleep: Callable[[float], object]

    @property
    def parent(self) -> str:
        """Where everything is."""
        return f"projects/{self.project}/locations/{REGION}"

    def until(self, seen: Callable[[], Any], seconds: float = 120.0) -> Any:
        """Wait for something to come true, and give it."""
        for _ in range(int(seconds / 0.2)):
            found = seen()
            if found:
                return found
            self.sleep(0.2)
        raise AssertionError("it did not come true in time")

    def finish(self, operation: str | None) -> None:
        """Wait for an operation; raises what it ended in."""
        if operation is None:
            return

        def done() -> Any:
            found = self.vertex.serving.operation(operation)
            return found if found is None or found.done else None

        ended = self.until(done)
        if ended.error_code:
            raise of_rpc(ended.error_code, ended.error_message)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each backend in turn, with a folder that nobody used before."""
    run = uuid.uuid4().hex[:8]
    if request.param == "fake":
        fake = FakeVertex(BUCKET)
        yield Backend("fake", fake, PROJECT, f"gs://{BUCKET}/contract-{run}", fake.clock.sleep)
    elif request.param == "embedded":
        emulator = request.getfixturevalue("emulator")
        vertex = connect(Connection(endpoint=emulator.url))
        yield Backend("embedded", vertex, PROJECT, f"gs://{BUCKET}/contract-{run}", time.sleep)
    else:
        project, bucket = REAL
        vertex = connect(Connection())
        yield Backend("real", vertex, str(project), f"gs://{bucket}/contract-{run}", time.sleep)
