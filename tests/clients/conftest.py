"""Google's own clients, pointed at one server. Nothing of theirs is patched: only address and credentials."""

import pytest

from tests.support.emulator import emulator_fixture
from tests.support.google import anonymous
from tests.support.plain import REGION, Plain

emulator = emulator_fixture(scope="session")


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
