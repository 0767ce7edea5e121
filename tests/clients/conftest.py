"""Google's own clients, pointed at one server. Nothing of theirs is patched: only address and credentials."""

from collections.abc import Iterator

import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.google import anonymous
from tests.support.plain import REGION, Plain
from tests.support.tls import terminator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """One server for all files; dedicated endpoints answer over TLS, as these clients ask them."""
    with terminator(tmp_path_factory.mktemp("tls")) as tls, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(tls.certificate))
        data = tmp_path_factory.mktemp("emulator")
        running = start_emulator(data, "--speed", "instant", "--dedicated-address", tls.address)
        tls.target = int(running.dedicated.rpartition(":")[2])
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def plain(plain: Plain, emulator: RunningEmulator) -> Plain:
    """Operations as Google's clients can read them over REST; over gRPC they read the service's own as well."""
    emulator.admin.project(plain.project, published_metadata=True)
    return plain


@pytest.fixture
def vertex(plain: Plain) -> Plain:
    """The high-level SDK, initialised for the test's project."""
    import vertexai

    vertexai.init(
        project=plain.project,
        location=REGION,
        api_endpoint=plain.url,
        api_transport="rest",
        credentials=anonymous(),
    )
    return plain
