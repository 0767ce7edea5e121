"""What Google's refusals are called here, and which of them are tried again."""

from collections.abc import Iterator
from typing import Any

import google.api_core.exceptions
import google.auth.exceptions
import pytest
import requests
import stamina

from vertex_tuning.vertex.errors import (
    AlreadyExists,
    InvalidRequest,
    NoCapacity,
    NotFound,
    NotSignedIn,
    PermissionMissing,
    QuotaExceeded,
    Transient,
    VertexError,
    of_http,
    of_rpc,
    translated,
)
from vertex_tuning.vertex.retry import ATTEMPTS, looked_up, once

# The classes carry no types.
api: Any = google.api_core.exceptions
credentials: Any = google.auth.exceptions

HTTP: list[tuple[int, str, type[VertexError], str]] = [
    (400, "bad field", InvalidRequest, "the same request stays wrong"),
    (401, "no token", NotSignedIn, "credentials are missing or have run out"),
    (403, "no role", PermissionMissing, "a role mends it"),
    (404, "no such thing", NotFound, "it is not there"),
    (409, "is there", AlreadyExists, "its name is taken"),
    (412, "generation", AlreadyExists, "someone wrote first"),
    (429, "Quota exceeded for tuning jobs", QuotaExceeded, "a quota is used up"),
    (429, "The zone is out of capacity", NoCapacity, "a lack of machines, however it is numbered"),
    (500, "oops", Transient, "a fault of the service passes"),
    (501, "not served", InvalidRequest, "it will not be served by trying again"),
    (502, "bad gateway", Transient, "so does one on the way"),
    (503, "busy", Transient, "and a busy moment"),
    (503, "STOCKOUT of NVIDIA_L4", NoCapacity, "a lack of machines does not pass within a minute"),
    (504, "too late", Transient, "nobody knows whether it was done: look, then decide"),
    (418, "a teapot", Transient, "what is not known may pass; trying is capped"),
]
RPC: list[tuple[int, str, type[VertexError], str]] = [
    (3, "bad field", InvalidRequest, "INVALID_ARGUMENT"),
    (5, "gone", NotFound, "NOT_FOUND"),
    (6, "is there", AlreadyExists, "ALREADY_EXISTS"),
    (7, "no role", PermissionMissing, "PERMISSION_DENIED"),
    (8, "quotas are exceeded", QuotaExceeded, "RESOURCE_EXHAUSTED"),
    (8, "Not enough resources available", NoCapacity, "RESOURCE_EXHAUSTED for want of machines"),
    (9, "models are deployed", InvalidRequest, "FAILED_PRECONDITION"),
    (10, "raced", Transient, "ABORTED"),
    (12, "not served", InvalidRequest, "UNIMPLEMENTED"),
    (13, "oops", Transient, "INTERNAL"),
    (14, "busy", Transient, "UNAVAILABLE"),
    (16, "who are you", NotSignedIn, "UNAUTHENTICATED"),
]


@pytest.mark.parametrize(("status", "message", "kind", "reason"), HTTP)
def test_http_statuses(status: int, message: str, kind: type[VertexError], reason: str) -> None:
    assert type(of_http(status, message)) is kind, reason


@pytest.mark.parametrize(("code", "message", "kind", "reason"), RPC)
def test_codes_of_failed_operations(code: int, message: str, kind: type[VertexError], reason: str) -> None:
    assert type(of_rpc(code, message)) is kind, reason


def test_a_message_of_many_lines_becomes_one() -> None:
    assert str(of_http(400, "one\n  two")) == "one two"


RAISED: list[tuple[Exception, type[VertexError], str]] = [
    (api.Forbidden("no role"), PermissionMissing, "Google's clients' own classes"),
    (api.TooManyRequests("quota"), QuotaExceeded, "by their status"),
    (api.RetryError("gave up", None), Transient, "a client that gave up trying"),
    (credentials.DefaultCredentialsError("none"), NotSignedIn, "no credentials on this machine"),
    (requests.ConnectionError("cut"), Transient, "a line that went dead"),
    (requests.ReadTimeout("slow"), Transient, "an answer that never came"),
    (ConnectionResetError("reset"), Transient, "below the clients"),
]


@pytest.mark.parametrize(("error", "kind", "reason"), RAISED)
def test_what_clients_raise(error: Exception, kind: type[VertexError], reason: str) -> None:
    with pytest.raises(kind) as raised, translated():
        raise error
    assert type(raised.value) is kind, reason
    assert raised.value.__cause__ is error, "Google's own error stays the cause"


def test_what_is_no_failure_of_google_s_is_not_dressed_up_as_one() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


@pytest.fixture
def quick() -> Iterator[None]:
    """No pauses between tries; their number is the policy's."""
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


class Flaky:
    """A call that fails so often, then answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.tries = error, times, 0

    def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.times:
            raise self.error
        return "answer"


@pytest.mark.parametrize(
    "error",
    [api.ServiceUnavailable("busy"), api.TooManyRequests("slow down")],
    ids=["what passes", "too many looks in a minute"],
)
@pytest.mark.usefixtures("quick")
def test_a_look_is_repeated_while_it_may_pass(error: Exception) -> None:
    call = Flaky(error, ATTEMPTS - 1)
    assert looked_up(call) == "answer"
    assert call.tries == ATTEMPTS


@pytest.mark.usefixtures("quick")
def test_a_look_is_given_up_at_the_cap() -> None:
    call = Flaky(api.ServiceUnavailable("busy"), ATTEMPTS)
    with pytest.raises(Transient):
        looked_up(call)
    assert call.tries == ATTEMPTS


@pytest.mark.parametrize(
    "error",
    [api.BadRequest("x"), api.Forbidden("x"), api.NotFound("x"), api.Conflict("x")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.usefixtures("quick")
def test_what_does_not_pass_is_asked_once(error: Exception) -> None:
    call = Flaky(error, 1)
    with pytest.raises(VertexError):
        looked_up(call)
    assert call.tries == 1


@pytest.mark.usefixtures("quick")
def test_what_may_cost_money_twice_is_never_repeated() -> None:
    call = Flaky(api.ServiceUnavailable("busy"), 1)
    with pytest.raises(Transient):
        once(call)
    assert call.tries == 1
