"""Answers to predictions over real HTTP: bounded, never followed elsewhere, and read whatever they hold."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from vertex_tuning.vertex import prediction
from vertex_tuning.vertex.client import Answer
from vertex_tuning.vertex.connection import Connection
from vertex_tuning.vertex.errors import FailedPrecondition, InvalidRequest, NotFound, Transient, VertexError
from vertex_tuning.vertex.prediction import PlainJson, predict

INSTANCE = {"prompt": "a", "max_tokens": 3}
GOOD = {"predictions": ["b"], "deployedModelId": "7", "model": "m", "modelVersionId": "2", "new": {"x": 1}}


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A server that gives these answers in turn, the last one for ever; and what it was sent."""
    left, sent = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.path, body))
            status, headers, content = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()


def ask(url: str) -> Answer:
    return predict(PlainJson(Connection(endpoint=url)), f"{url}/v1beta1/e", [INSTANCE])


@pytest.mark.evidence("serving.dedicated-host-refuses-alt", side="plugin")
def test_the_question_is_plain_json_and_fields_that_are_not_known_are_passed_over() -> None:
    with answering((200, {}, msgspec.json.encode(GOOD))) as (url, sent):
        assert ask(url) == Answer(("b",), "7", "m", "2")

    assert sent == [("/v1beta1/e:predict", b'{"instances":[{"prompt":"a","max_tokens":3}]}')]


REFUSED: list[tuple[int, dict[str, str], bytes, type[VertexError], str]] = [
    (404, {}, b'{"error": {"code": 404, "message": "no such endpoint"}}', NotFound, "no such endpoint"),
    (404, {}, b"<html>Not found</html>", NotFound, "<html>Not found</html>"),
    (400, {}, b'[{"error": {"message": "in a list"}}]', InvalidRequest, "in a list"),
    (
        400,
        {},
        b'{"error": {"code": 400, "message": "its DNS name", "status": "FAILED_PRECONDITION"}}',
        FailedPrecondition,
        "its DNS name",
    ),
    (400, {}, b"", InvalidRequest, "no reason given"),
    (400, {}, b'{"error": "a text"}', InvalidRequest, "a text"),
    (302, {"Location": "http://127.0.0.1:9/"}, b"", InvalidRequest, "leads elsewhere"),
    (200, {}, b"no", Transient, "cannot be read"),
    (200, {}, b'{"predictions": "b"}', Transient, "cannot be read"),
    (200, {}, b"[" * 100_000, Transient, "cannot be read"),
    (200, {}, b'{"predictions": []}', Transient, "answered 0 of 1 instances"),
]


@pytest.mark.parametrize(
    ("status", "headers", "content", "error", "says"), REFUSED, ids=[f"{r[0]}: {r[4]}" for r in REFUSED]
)
def test_an_answer_that_is_none_is_one_line(
    status: int, headers: dict[str, str], content: bytes, error: type[VertexError], says: str
) -> None:
    with answering((status, headers, content)) as (url, sent), pytest.raises(error) as refused:
        ask(url)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(sent) == 1, "the same question again is answered the same"


def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "MOST_BYTES", 100_000)
    large = b'{"predictions": ["' + b"a" * 200_000
    with answering((200, {}, large)) as (url, _), pytest.raises(InvalidRequest, match="than 100,000 bytes"):
        ask(url)


def test_the_pause_that_the_service_asks_for_is_made() -> None:
    busy = b'{"error": {"code": 503, "message": "The service is currently unavailable"}}'
    with answering((503, {"Retry-After": "1"}, busy), (200, {}, msgspec.json.encode(GOOD))) as (url, sent):
        started = time.monotonic()
        assert ask(url).predictions == ("b",)

    assert len(sent) == 2
    assert time.monotonic() - started >= 1
