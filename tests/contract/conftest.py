"""The backends of the contract: the fake, the embedded Vertex AI, and the real one where a project is named.

The real one runs when VERTEX_TUNING_CONTRACT_PROJECT and VERTEX_TUNING_CONTRACT_BUCKET are set. It is paid for, so the
run first says what it makes and the most that it can cost, and asks: see ``real``.
"""

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import BUCKET, PROJECT
from tests.contract import real
from tests.support.fake import FakeVertex
from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.errors import of_rpc

REGION = "us-central1"
BACKENDS = ["fake", "embedded", *(["real"] if real.asked_for() else [])]
PATIENCE_S = {"real": 4 * 3600.0}
"""How long something may take to come true; a real tuning takes hours."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before the first test on a real project, say what it costs and ask."""
    if not real.asked_for() or not any("[real" in item.nodeid for item in session.items):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        pytest.exit("the contract on a real project runs in one process: leave out --numprocesses")
    refused = real.agreement(os.environ, real.at_terminal, reporter.write_line)
    if refused is not None:
        pytest.exit(f"nothing was made: {refused}", returncode=2)


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
        pause = 15.0 if self.name == "real" else 0.2
        for _ in range(int(PATIENCE_S.get(self.name, seconds) / pause)):
            found = seen()
            if found:
                return found
            self.sleep(pause)
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
        project, bucket = os.environ[real.PROJECT], os.environ[real.BUCKET]
        found = Backend("real", connect(Connection()), project, f"gs://{bucket}/contract-{run}", time.sleep)
        there = {each.name for each in found.vertex.serving.endpoints(project, REGION)}
        yield found
        _take_down(found, there)


def _take_down(backend: Backend, there: set[str]) -> None:
    """Leave no machine behind, whatever a test that failed has left on an endpoint of this run."""
    serving = backend.vertex.serving
    for endpoint in serving.endpoints(backend.project, REGION):
        ours = re.fullmatch(r"vt-[0-9a-f]{8}", endpoint.name.rpartition("/")[2])
        if endpoint.name in there or not ours:
            continue
        for deployed in endpoint.deployed:
            backend.finish(serving.undeploy(endpoint.name, deployed.id, {}))
        backend.finish(serving.delete_endpoint(endpoint.name))
