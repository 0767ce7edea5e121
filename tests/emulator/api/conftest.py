"""One server for all files: each test has a project of its own."""

from pathlib import Path

import pytest

from tests.support.emulator import emulator_fixture

emulator = emulator_fixture(scope="session")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
