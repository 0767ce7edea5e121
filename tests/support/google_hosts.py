"""Google's hosts on this machine: a proxy that answers for them with the embedded service.

A program that runs with `variables` finds it at `https://*.googleapis.com`, over TLS and with real credentials, as
it would find Google.
"""

import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from tests.support.tls import certificate

_HOSTS = ("aiplatform.googleapis.com", "*.googleapis.com")
_NOT_PASSED_ON = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Proxy(ThreadingHTTPServer):
    """An HTTPS proxy that opens what it is asked to pass on.

    Attributes:
        hosts: how many requests each host has got.
        anonymous: paths that were asked for without a bearer token.
    """

    daemon_threads = True

    def __init__(self, target: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.certificate = target, certificate(folder, _HOSTS)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate)
        self.client = httpx.Client(timeout=120)
        self.hosts: Counter[str] = Counter()
        self.anonymous: list[str] = []

    @property
    def variables(self) -> dict[str, str]:
        """What a program's environment needs, so that it finds Google here."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.server_port}",
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": str(self.certificate),
        }


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.partition(":")[0]
        self.send_response(200)
        self.end_headers()
        self.rfile.close()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def passed_on(self) -> None:
        self.server.hosts[self.host] += 1
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            self.server.anonymous.append(self.path)
        headers = [pair for pair in self.headers.items() if pair[0].lower() not in _NOT_PASSED_ON]
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        url = f"{self.server.target}{self.path}"
        with self.server.client.stream(self.command, url, headers=headers, content=body) as answer:
            content = b"".join(answer.iter_raw())
        self.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = passed_on  # noqa: N815 - the names of the library

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def google_hosts(target: str, folder: Path) -> Iterator[Proxy]:
    """The proxy, in front of the embedded service at an address."""
    proxy = Proxy(target, folder)
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        proxy.client.close()
