"""The backends of the contract: the fake, the embedded Vertex AI, and the real one where a project is named.

The real one runs when VERTEX_TUNING_CONTRACT_PROJECT and VERTEX_TUNING_CONTRACT_BUCKET are set. It is paid for, so the
run first prints what it makes and the most that it can cost, and asks: see ``real``.
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import BUCKET, PROJECT, make_bucket
from tests.contract import cases, real
from tests.contract.backends import REGION, Backend, Wire
from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.fake import FakeVertex
from vertex_tuning.catalog import GLOBAL
from vertex_tuning.names import vertex_host
from vertex_tuning.pricing.skus import VERTEX_AI
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.client import Job, JobState
from vertex_tuning.vertex.rest import session_of

_PREDICTION = "Vertex AI: Online/Batch Prediction"
SKUS = [
    {"sku_id": id_, "description": f"{_PREDICTION} {what} running in Americas", "unit": unit, "nanos": nanos}
    | {"regions": [REGION]}
    for id_, what, unit, nanos in (
        ("A", "Nvidia L4 GPU", "h", 644_000_000),
        ("B", "G2 Instance Core", "h", 28_000_000),
        ("C", "G2 Instance Ram", "GiBy.h", 3_556_000),
    )
]
"""What the machines of the list prices are made of, worked out from g2-standard-4 and -8."""
BACKENDS = ["fake", "embedded", *(["real"] if real.asked_for() else [])]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests over HTTP on the fake, which has none; refuse a mark that no project can check."""
    for item in items:
        sides = {mark.kwargs.get("side") for mark in item.iter_markers("evidence")}
        if "contract" in sides and "backend" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid}: a test of the contract runs on every backend")
    items[:] = [item for item in items if not _without_http(item)]


def _without_http(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    over_http = "wire" in getattr(item, "fixturenames", ())
    return over_http and given is not None and given.params.get("backend") == "fake"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before the first test on a real project, print what it costs and ask."""
    if not real.asked_for() or not any("[real" in item.nodeid for item in session.items):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        pytest.exit("the contract on a real project runs in one process: leave out --numprocesses")
    refused = real.agreement(os.environ, real.at_terminal, reporter.write_line)
    if refused is not None:
        pytest.exit(f"nothing was made: {refused}", returncode=2)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """The embedded Vertex AI that the contract runs on."""
    running = start_emulator(tmp_path_factory.mktemp("contract"), "--speed", "instant")
    try:
        make_bucket(running.url)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Each backend in turn; what a run leaves, failed tests included, is taken down, and its bill compared."""
    found = _backend(request)
    there = {each.name for each in found.vertex.serving.endpoints(found.project, REGION)}
    yield found
    _take_down(found, there)
    bill = real.Bill()
    assert found.spent["tunings"] <= bill.tunings, "the bill names fewer tunings than are submitted"
    assert found.spent["distillations"] <= bill.distillations
    assert found.spent["deployments"] <= bill.deployments


def _backend(request: pytest.FixtureRequest) -> Backend:
    run = uuid.uuid4().hex[:8]
    if request.param == "fake":
        fake = FakeVertex(BUCKET)

        @contextmanager
        def choosing() -> Iterator[None]:
            fake.serving.own_ids = True
            yield
            fake.serving.own_ids = False

        return Backend("fake", fake, PROJECT, BUCKET, run, fake.clock.sleep, None, fake.clock.sleep, choosing)
    if request.param == "embedded":
        service: RunningEmulator = request.getfixturevalue("service")
        connection = Connection(endpoint=service.url)
        wire = Wire(connection, session_of(connection), service.url, service.url)
        service.admin.prices({"service_id": VERTEX_AI, "display_name": "Vertex AI", "skus": SKUS})

        @contextmanager
        def choosing() -> Iterator[None]:
            service.admin.project(PROJECT, own_ids=True)
            yield
            service.admin.project(PROJECT, own_ids=False)

        return Backend(
            "embedded",
            connect(connection),
            PROJECT,
            BUCKET,
            run,
            time.sleep,
            wire,
            service.admin.pass_time,
            choosing,
        )
    connection = Connection()
    hosts = f"https://{vertex_host(REGION)}", "https://storage.googleapis.com"
    wire = Wire(connection, session_of(connection), *hosts)
    project, bucket = os.environ[real.PROJECT], os.environ[real.BUCKET]
    return Backend("real", connect(connection), project, bucket, run, time.sleep, wire)


@pytest.fixture
def wire(backend: Backend) -> Wire:
    """HTTP to the service as it is."""
    assert backend.wire is not None
    return backend.wire


def _take_down(backend: Backend, there: set[str]) -> None:
    """Leave no job, machine, model or object of this run, whatever a failed test left."""
    vertex, serving = backend.vertex, backend.vertex.serving
    for location in (GLOBAL, REGION):
        for job in vertex.jobs.labelled(backend.project, location, {"contract": backend.run}):
            vertex.jobs.cancel(job.name)
    for endpoint in serving.endpoints(backend.project, REGION):
        if endpoint.name in there or backend.run not in endpoint.display_name:
            continue
        left = [deployed.id for deployed in endpoint.deployed]
        while left:
            gone = left.pop()
            backend.finish(serving.undeploy(endpoint.name, gone, {left[0]: 100} if left else {}))
        backend.finish(serving.delete_endpoint(endpoint.name))
    for name in serving.models(backend.project, REGION):
        model = serving.model(name)
        if model is not None and (model.artifacts_uri or "").startswith(f"{backend.folder}/"):
            backend.finish(serving.delete_model(name))
    for blob in vertex.storage.listed(backend.folder):
        vertex.storage.delete(blob.uri)
    assert vertex.storage.listed(backend.folder) == ()


@pytest.fixture(scope="session")
def data(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Examples to tune on."""
    return cases.put(backend, tmp_path_factory.mktemp("data"), cases.sentences(cases.ROWS))


@pytest.fixture(scope="session")
def held_out(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Examples to validate with."""
    return cases.put(backend, tmp_path_factory.mktemp("data"), cases.sentences(cases.ROWS // 8))


@pytest.fixture(scope="session")
def trained(backend: Backend, data: str, held_out: str) -> Job:
    """A tuning of the whole model, at its end."""
    asked = cases.request(backend, data, validation_uri=held_out, batch_size=2, learning_rate=0.001)
    job = cases.ended(backend, asked)
    assert job.state is JobState.SUCCEEDED, job.reason
    return job
