"""Google's own clients, pointed at one server. Nothing of theirs is patched: only address and credentials."""

import pytest

from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.google import anonymous
from tests.support.plain import REGION, Plain

emulator = emulator_fixture(scope="session")


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
