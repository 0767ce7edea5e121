"""A token service that is down passes: what needs a token is asked again until there is one."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.oauth2 import service_account

from tests.support.emulator import RunningEmulator
from tests.support.tokens import TokenService, token_service
from vertex_tuning.vertex import Connection
from vertex_tuning.vertex.errors import NotSignedIn
from vertex_tuning.vertex.retry import Patience, outlasting
from vertex_tuning.vertex.tuning_jobs import GoogleTuningJobs


@pytest.fixture
def tokens() -> Iterator[TokenService]:
    with token_service() as server:
        yield server


def jobs(emulator: RunningEmulator, tokens: TokenService) -> GoogleTuningJobs:
    """Tuning jobs at the embedded service, with the credentials of a service account."""

    class SignedIn(Connection, frozen=True):
        def credentials(self) -> Any:
            scopes = ["https://www.googleapis.com/auth/cloud-platform"]
            return service_account.Credentials.from_service_account_info(tokens.key, scopes=scopes)  # type: ignore[no-untyped-call]

    return GoogleTuningJobs(SignedIn(endpoint=emulator.url))


def test_a_look_waits_for_the_token_service(emulator: RunningEmulator, tokens: TokenService) -> None:
    lines: list[str] = []
    begun = time.monotonic()

    def comes_back() -> None:
        time.sleep(12)
        tokens.status = 200

    threading.Thread(target=comes_back, daemon=True).start()
    with outlasting(Patience(60.0, time, lines.append)):
        assert jobs(emulator, tokens).active("test-project", "us-central1") == ()

    assert time.monotonic() - begun >= 12
    assert len(tokens.asked) > 1
    assert any("token service failed" in line and "still waiting" in line for line in lines), lines


def test_a_token_service_that_nobody_reaches_is_waited_for_too(
    emulator: RunningEmulator, tokens: TokenService
) -> None:
    tokens.server_close()  # nothing listens at its address any more
    lines: list[str] = []
    with (
        outlasting(Patience(8.0, time, lines.append)),
        pytest.raises(Exception, match="has not answered for"),
    ):
        jobs(emulator, tokens).active("test-project", "us-central1")
    assert lines


def test_a_login_that_is_refused_is_not_waited_for(emulator: RunningEmulator, tokens: TokenService) -> None:
    tokens.status = 400
    with outlasting(Patience(60.0, time, lambda _: None)), pytest.raises(NotSignedIn):
        jobs(emulator, tokens).active("test-project", "us-central1")
