"""Cloud Storage's batch endpoint: many small calls in one multipart/mixed request."""

import email
import email.policy
import re
import uuid
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.responses import Response

from vertex_emulator.api import storage_copies, storage_objects
from vertex_emulator.api.routing import BooksRoute, Call, Route, Table, streams
from vertex_emulator.api.storage_arguments import check_arguments
from vertex_emulator.api.storage_common import Json, bad
from vertex_emulator.settings import MAX_JSON_BYTES
from vertex_emulator.wire.errors import ApiError, StorageError
from vertex_emulator.wire.payload import json_object, read_bounded

_MAX_CALLS = 100
_REQUEST_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.[01]")
# What Google allows in a batch: calls on objects that carry no object's bytes.
_TABLE = Table(
    (
        *(
            route
            for route in (*storage_objects.ROUTES, *storage_copies.ROUTES)
            if isinstance(route, BooksRoute)
        ),
        BooksRoute(
            "GET",
            "/storage/v1/b/{bucket=*}/o/{object=*}",
            "storage.objects.get",
            storage_objects.get,
            body=False,
        ),
    )
)


async def batch(call: Call) -> Response:
    """Do every call by itself and answer them all in one body."""
    content = await read_bounded(call.request.stream(), MAX_JSON_BYTES)
    header = f"content-type: {call.request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = email.message_from_bytes(header + content, policy=email.policy.HTTP)
    if message.get_content_type() != "multipart/mixed":
        raise bad("A batch must be multipart/mixed.")
    parts = list(message.iter_parts())
    if len(parts) > _MAX_CALLS:
        raise bad(f"A batch has {len(parts)} calls, at most {_MAX_CALLS} are allowed.")
    boundary = f"batch_{uuid.uuid4().hex}"
    answers = []
    for part in parts:
        payload = part.get_payload(decode=True)
        status, body = _one(call, payload if isinstance(payload, bytes) else b"")
        content_id = str(part.get("content-id", "")).strip("<>")
        part_head = f"Content-Type: application/http\r\nContent-ID: <response-{content_id}>\r\n\r\n"
        answer_head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        head = f"--{boundary}\r\n{part_head}HTTP/1.1 {status} {_phrase(status)}\r\n{answer_head}"
        answers.append(head.encode() + body + b"\r\n")
    answers.append(f"--{boundary}--\r\n".encode())
    return Response(b"".join(answers), headers={"content-type": f"multipart/mixed; boundary={boundary}"})


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
