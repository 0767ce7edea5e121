"""Every request passes here, on its way to a handler and back."""

import asyncio
import contextlib
import hmac
import logging
import os
import signal
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from vertex_emulator import faults
from vertex_emulator.api import hosts, served
from vertex_emulator.api.routing import Call, Route, StreamRoute
from vertex_emulator.api.storage.arguments import check_arguments
from vertex_emulator.known import google_method
from vertex_emulator.request_log import Entry
from vertex_emulator.service import Service
from vertex_emulator.settings import MAX_JSON_BYTES
from vertex_emulator.wire.cross_site import cross_site
from vertex_emulator.wire.errors import ApiError, StorageError, not_found, of_http, unimplemented
from vertex_emulator.wire.payload import json_object, read_bounded

Json = dict[str, Any]
_MAX_DRAINED = 64 * 1024 * 1024
_REASONS = {
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}
STORAGE_PREFIXES = ("/storage/", "/upload/storage/", "/download/storage/", "/batch/storage/")
_LOG = logging.getLogger(__name__)
TRANSPORT = "vertex_emulator.transport"
"""In the ASGI scope's extensions: the connection, for faults that cut it."""


class Front:
    """Finds the handler, puts faults in the way, turns errors into answers, keeps the log."""

    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        inlet = _Inlet(receive)
        request = Request(scope, inlet)
        path = scope["raw_path"].decode("ascii", "replace").partition("?")[0]
        if path.startswith("/emulator/") and not self._dedicated(scope):
            response = self._refused(request, path) or await self._answer(request, path, faults.CallFaults())
            await inlet.drain()
            await _guarded(response)(scope, receive, send)
            return
        seq = self.service.requests.next_seq()
        answer: Response | None = None
        try:
            target = f"{path}?{request.url.query}" if request.url.query else path
            answer = self._refused(request, path) or await self._with_faults(request, path, target)
        except ClientDisconnect:
            _LOG.debug("The client of request %d went away", seq)
        # Written down before it is sent: who has the answer finds the call in the log.
        self.service.requests.add(Entry(seq, request.method, path, answer.status_code if answer else 0))
        if answer is not None:
            await inlet.drain()
            await _guarded(answer)(scope, receive, send)

    def _refused(self, request: Request, path: str) -> Response | None:
        """The refusal of a request that a web page makes, or one for another machine's name."""
        error = cross_site(request, checks_host=self.service.settings.token is None)
        return _error(error, path) if error is not None else None

    async def _with_faults(self, request: Request, path: str, target: str) -> Response | None:
        found = self.service.faults.match(request.method, target)
        if found.actions and 0 < int(request.headers.get("content-length", "0")) <= MAX_JSON_BYTES:
            await request.body()  # what happens must not depend on how much has arrived when things go wrong
        await _go_wrong(found, "before")
        for action in found.actions:
            if isinstance(action, faults.FailBefore):
                answer = _error(of_http(action.status, action.message), path)
                if action.retry_after is not None:
                    answer.headers["Retry-After"] = str(action.retry_after)
                return answer
            if isinstance(action, faults.OddAnswer) and not action.effect:
                return Response(action.body, media_type=action.content_type)
        response = await self._answer(request, path, found)
        await _go_wrong(found, "after")
        for action in found.actions:
            if isinstance(action, faults.FailAfter):
                return _error(of_http(action.status, action.message), path)
            if isinstance(action, faults.OddAnswer) and response.status_code < HTTPStatus.BAD_REQUEST:
                return Response(action.body, media_type=action.content_type)
            if isinstance(action, faults.LoseResponse):
                request.scope["extensions"][TRANSPORT].abort()
                await request.receive()  # returns when the server has noticed that the client is gone
                return None
        return response

    async def _answer(self, request: Request, path: str, found: faults.CallFaults) -> Response:
        try:
            self._authorize(request)
            route, params = _find(request.method, path)
            if self._dedicated(request.scope):
                hosts.check_dedicated(route, request.method, path, request.query_params)
            return await self._handle(route, params, request, found)
        except (ApiError, StorageError) as error:
            return _error(error, path)
        except ClientDisconnect:
            raise
        except Exception:  # noqa: BLE001 - whatever else went wrong, the client gets Google's shape of error
            _LOG.exception("%s %s failed in the emulator itself", request.method, path)
            return _error(ApiError(13, "Internal error of the embedded Vertex AI; its log says more."), path)

    async def _handle(
        self, route: Route, params: dict[str, str], request: Request, found: faults.CallFaults
    ) -> Response:
        check_arguments(route.google, request.query_params, request.headers)
        content = await read_bounded(request.stream(), MAX_JSON_BYTES) if route.body else b""
        call = Call(
            self.service,
            params,
            dict(request.query_params),
            json_object(content) if route.body else None,
            found,
            request,
            len(content),
            self._dedicated(request.scope),
        )
        if isinstance(route, StreamRoute):
            return await route.handler(call)
        with self.service.store.database.transaction():
            answer = route.handler(call)
        if answer is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(msgspec.json.encode(answer), media_type="application/json")

    def _dedicated(self, scope: Scope) -> bool:
        """Whether a request came over the second listener, where dedicated endpoints answer."""
        port = (scope.get("server") or ("", 0))[1]
        return bool(port) and port == self.service.settings.dedicated_port

    def _authorize(self, request: Request) -> None:
        token = self.service.settings.token
        if token is None:
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
            raise ApiError(
                16, "The request has no valid bearer token.", reason="ACCESS_TOKEN_TYPE_UNSUPPORTED"
            )


class _Inlet:
    """A request's `receive` that knows whether the whole body has come through it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left: a client that still sends would miss an answer that comes too early."""
        left = _MAX_DRAINED
        while left > 0 and not self._complete:
            left -= len((await self()).get("body", b""))


async def _go_wrong(found: faults.CallFaults, when: faults.When) -> None:
    for action in found.actions:
        if isinstance(action, faults.Hang) and action.when == when:
            await asyncio.sleep(action.seconds)
        if isinstance(action, faults.Signal) and action.when == when:
            with contextlib.suppress(ProcessLookupError):
                os.kill(action.pid, signal.Signals[action.signal])


def _guarded(response: Response) -> Response:
    """The response with headers that keep a browser from running what an object holds."""
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["content-security-policy"] = "sandbox; default-src 'none'"
    return response


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    matched = served.TABLE.match(method, path)
    if matched is None:
        known = google_method(method, path)
        raise unimplemented(known) if known else not_found(f"{method} {path}")
    return matched


def _error(error: ApiError | StorageError, path: str) -> Response:
    if isinstance(error, ApiError) and path.startswith(STORAGE_PREFIXES):
        error = StorageError(
            error.http,
            error.message,
            _REASONS.get(error.http, "backendError" if error.http >= 500 else "invalid"),
        )
    status = error.http
    if status == HTTPStatus.NOT_MODIFIED:
        return Response(status_code=status)
    return Response(msgspec.json.encode(error.body()), status, media_type="application/json")
