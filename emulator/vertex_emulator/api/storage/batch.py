"""Cloud Storage's batch endpoint: many small calls in one multipart/mixed request."""

import re
import uuid
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.responses import Response

from vertex_emulator.api.routing import BooksRoute, Call, Route, Table, streams
from vertex_emulator.api.storage import copies, objects
from vertex_emulator.api.storage.arguments import check_arguments
from vertex_emulator.api.storage.common import Json, bad
from vertex_emulator.settings import MAX_JSON_BYTES
from vertex_emulator.wire.errors import ApiError, StorageError
from vertex_emulator.wire.multipart import parts
from vertex_emulator.wire.payload import json_object, read_bounded

_MAX_CALLS = 100
_CONTENT_ID = re.compile(rb"(?im)^content-id:([^\r\n]{0,200})")
_REQUEST_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.[01]")
# What Google allows in a batch: calls on objects that carry no object's bytes.
_TABLE = Table(
    (
        *(route for route in (*objects.ROUTES, *copies.ROUTES) if isinstance(route, BooksRoute)),
        BooksRoute(
            "GET",
            "/storage/v1/b/{bucket=*}/o/{object=*}",
            "storage.objects.get",
            objects.get,
            body=False,
        ),
    )
)


async def batch(call: Call) -> Response:
    """Do every call by itself and answer them all in one body."""
    content = await read_bounded(call.request.stream(), MAX_JSON_BYTES)
    found = parts(call.request.headers.get("content-type", ""), content, _MAX_CALLS)
    boundary = f"batch_{uuid.uuid4().hex}"
    answers = []
    for described, payload in found:
        status, body = _one(call, payload)
        content_id = _id(described)
        part_head = f"Content-Type: application/http\r\nContent-ID: <response-{content_id}>\r\n\r\n"
        answer_head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        head = f"--{boundary}\r\n{part_head}HTTP/1.1 {status} {_phrase(status)}\r\n{answer_head}"
        answers.append(head.encode() + body + b"\r\n")
    answers.append(f"--{boundary}--\r\n".encode())
    return Response(b"".join(answers), headers={"content-type": f"multipart/mixed; boundary={boundary}"})


def _id(described: bytes) -> str:
    """A part's Content-ID without its brackets."""
    found = _CONTENT_ID.search(described)
    return found[1].decode("latin-1").strip().strip("<>") if found else ""


def _one(outer: Call, text: bytes) -> tuple[int, bytes]:
    head, _, body = text.partition(b"\r\n\r\n" if b"\r\n\r\n" in text else b"\n\n")
    line = _REQUEST_LINE.match(head)
    try:
        answer = _handle(outer, line, body)
    except (ApiError, StorageError) as error:
        return error.http, msgspec.json.encode(error.body())
    return (200, msgspec.json.encode(answer)) if answer is not None else (204, b"")


def _handle(outer: Call, line: re.Match[bytes] | None, body: bytes) -> Json | None:
    if line is None:
        raise bad("A part of the batch is no HTTP request.")
    method, target = line[1].decode(), urlsplit(line[2].decode())
    matched = _TABLE.match(method, target.path)
    route, params = matched or (None, {})
    if not isinstance(route, BooksRoute):
        raise StorageError(404, f"{method} {target.path} cannot be part of a batch.", "notFound")
    payload = json_object(body) if route.body else None
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    check_arguments(route.google, query, {})
    inner = Call(outer.service, params, query, payload, outer.faults, outer.request)
    with outer.service.store.database.transaction():
        return route.handler(inner)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


ROUTES: tuple[Route, ...] = (streams("POST", "/batch/storage/v1", "storage.batch", batch),)
