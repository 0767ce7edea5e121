"""A token service that is down passes: what needs a token is asked again until there is one."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import service_account

from tests.support.emulator import RunningEmulator
from vertex_tuning.vertex import Connection
from vertex_tuning.vertex.errors import NotSignedIn
from vertex_tuning.vertex.retry import Patience, outlasting
from vertex_tuning.vertex.tuning_jobs import GoogleTuningJobs


class TokenService(ThreadingHTTPServer):
    """Google's token endpoint: answers `status` until it is set to 200, and counts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.asked = 503, 0


class _Handler(BaseHTTPRequestHandler):
    server: TokenService

    def do_POST(self) -> None:
        self.server.asked += 1
        status = self.server.status
        answers: dict[int, Any] = {
            200: {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"},
            503: {"error": "internal_failure"},
            400: {"error": "invalid_grant", "error_description": "Account has been deleted"},
        }
        body = json.dumps(answers[status]).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def tokens() -> Iterator[TokenService]:
    server = TokenService()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(*form).decode()


def jobs(emulator: RunningEmulator, tokens: TokenService, key: str) -> GoogleTuningJobs:
    """Tuning jobs at the embedded service, with the credentials of a service account."""

    class SignedIn(Connection, frozen=True):
        def credentials(self) -> Any:
            return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                {
                    "client_email": "deployer@test-project.iam.gserviceaccount.com",
                    "private_key": key,
                    "token_uri": f"http://127.0.0.1:{tokens.server_port}/token",
                },
                scopes=["https://www.googleapis.com/auth/cloud-platform"],
            )

    return GoogleTuningJobs(SignedIn(endpoint=emulator.url))


def test_a_look_waits_for_the_token_service(
    emulator: RunningEmulator, tokens: TokenService, key: str
) -> None:
    lines: list[str] = []
    begun = time.monotonic()

    def comes_back() -> None:
        time.sleep(12)
        tokens.status = 200

    threading.Thread(target=comes_back, daemon=True).start()
    with outlasting(Patience(60.0, time, lines.append)):
        assert jobs(emulator, tokens, key).active("test-project", "us-central1") == ()

    assert time.monotonic() - begun >= 12
    assert tokens.asked > 1
    assert any("token service failed" in line and "still waiting" in line for line in lines), lines


def test_a_token_service_that_nobody_reaches_is_waited_for_too(
    emulator: RunningEmulator, tokens: TokenService, key: str
) -> None:
    tokens.server_close()  # nothing listens at its address any more
    lines: list[str] = []
    with (
        outlasting(Patience(8.0, time, lines.append)),
        pytest.raises(Exception, match="has not answered for"),
    ):
        jobs(emulator, tokens, key).active("test-project", "us-central1")
    assert lines


def test_a_login_that_is_refused_is_not_waited_for(
    emulator: RunningEmulator, tokens: TokenService, key: str
) -> None:
    tokens.status = 400
    with outlasting(Patience(60.0, time, lambda _: None)), pytest.raises(NotSignedIn):
        jobs(emulator, tokens, key).active("test-project", "us-central1")
