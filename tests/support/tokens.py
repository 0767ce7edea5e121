"""Google's token endpoint, which a test can take down, and the key of a service account that asks it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Json = dict[str, Any]


class TokenService(ThreadingHTTPServer):
    """Answers with `status`, counts, and closes the connection without an answer if that is 0."""

    status = 503
    expires_in = 3600
    """Below 225 a client asks for a new token before each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[int] = []
        """The status of each answer."""

    @property
    def key(self) -> Json:
        """The key file of a service account whose tokens come from here."""
        return {
            "type": "service_account",
            "client_email": "deployer@test-project.iam.gserviceaccount.com",
            "private_key": _private_key(),
            "token_uri": f"http://127.0.0.1:{self.server_port}/token",
        }


class _Handler(BaseHTTPRequestHandler):
    server: TokenService

    def do_POST(self) -> None:
        status = self.server.status
        self.server.asked.append(status)
        if not status:
            self.close_connection = True
            return
        answers: dict[int, Json] = {
            200: {"access_token": "t", "expires_in": self.server.expires_in, "token_type": "Bearer"},
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


@contextmanager
def token_service() -> Iterator[TokenService]:
    """One on a free port; it answers 503 until it is set to 200."""
    server = TokenService()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@cache
def _private_key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(*form).decode()
