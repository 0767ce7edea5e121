"""What Google's refusals are called here, and which of them are tried again."""

import json
from collections.abc import Iterator
from typing import Any

import google.api_core.exceptions
import google.auth.exceptions
import pytest
import requests
import stamina
from google.protobuf.json_format import ParseError

from tests.support.fake_world import Clock
from vertex_tuning.vertex.errors import (
    AlreadyExists,
    InvalidRequest,
    NoCapacity,
    NotFound,
    NotSignedIn,
    PermissionMissing,
    QuotaExceeded,
    TooManyRequests,
    Transient,
    Unavailable,
    VertexError,
    of_http,
    of_rpc,
    translated,
)
from vertex_tuning.vertex.retry import ATTEMPTS, Patience, looked_up, on_clock, once, outlasting, repeated

# The classes carry no types.
api: Any = google.api_core.exceptions
credentials: Any = google.auth.exceptions

PER_MINUTE = "Resource management (CRUD) requests per minute per region"
HTTP: list[tuple[int, str, type[VertexError], str]] = [
    (400, "bad field", InvalidRequest, "the same request stays wrong"),
    (401, "no token", NotSignedIn, "credentials are missing or have run out"),
    (403, "no role", PermissionMissing, "a role mends it"),
    (404, "no such thing", NotFound, "it is not there"),
    (409, "is there", AlreadyExists, "its name is taken"),
    (412, "generation", AlreadyExists, "someone wrote first"),
    (429, "Quota exceeded for tuning jobs", QuotaExceeded, "a quota is used up"),
    (
        429,
        f"Quota exceeded for quota metric 'x' and limit '{PER_MINUTE}'.",
        TooManyRequests,
        "requests, not resources",
    ),
    (
        429,
        "Resource has been exhausted (e.g. check quota).",
        TooManyRequests,
        "Google's words for a rate without a name",
    ),
    (
        429,
        "The following quotas are exceeded: CustomModelServingL4GPUsPerProjectPerRegion 8",
        QuotaExceeded,
        "GPUs",
    ),
    (
        429,
        "Model is not yet ready for inference. Please wait and then try your request again.",
        Unavailable,
        "a deployment that has scaled to zero starts a replica",
    ),
    (429, "The zone is out of capacity", NoCapacity, "a lack of machines, however it is numbered"),
    (500, "oops", Unavailable, "a fault of the service passes"),
    (501, "not served", InvalidRequest, "it will not be served by trying again"),
    (502, "bad gateway", Unavailable, "so does one on the way"),
    (503, "busy", Unavailable, "and a busy moment"),
    (503, "STOCKOUT of NVIDIA_L4", NoCapacity, "a lack of machines does not pass within a minute"),
    (504, "too late", Unavailable, "nobody knows whether it was done: look, then decide"),
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


@pytest.mark.evidence("quotas.serving-refusal", side="plugin")
@pytest.mark.parametrize(("status", "message", "kind", "reason"), HTTP)
def test_http_statuses(status: int, message: str, kind: type[VertexError], reason: str) -> None:
    assert type(of_http(status, message)) is kind, reason


@pytest.mark.parametrize(("code", "message", "kind", "reason"), RPC)
def test_codes_of_failed_operations(code: int, message: str, kind: type[VertexError], reason: str) -> None:
    assert type(of_rpc(code, message)) is kind, reason


def test_a_message_of_many_lines_becomes_one() -> None:
    assert str(of_http(400, "one\n  two")) == "one two"


ACTING = "Unable to acquire impersonated credentials"
RAISED: list[tuple[Exception, type[VertexError], str]] = [
    (api.Forbidden("no role"), PermissionMissing, "Google's clients' own classes"),
    (api.TooManyRequests("quota"), QuotaExceeded, "by their status"),
    (api.RetryError("gave up", None), Unavailable, "a client that gave up trying"),
    (credentials.DefaultCredentialsError("none"), NotSignedIn, "no credentials on this machine"),
    (
        ParseError("Failed to load JSON: Expecting value: line 1"),
        Unavailable,
        "HTML or nothing where JSON belongs",
    ),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), Unavailable, "bytes that are no text"),
    (credentials.TransportError("token endpoint"), Unavailable, "a token service that cannot be reached"),
    (
        credentials.RefreshError(credentials.TransportError("x")),
        Unavailable,
        "the same, as metadata servers raise it",
    ),
    (
        credentials.RefreshError("internal_failure", "", retryable=True),
        Unavailable,
        "a token service that is busy",
    ),
    (
        credentials.RefreshError(ACTING, '{"error": {"code": 503}}'),
        Unavailable,
        "impersonation that fails for now",
    ),
    (credentials.RefreshError("invalid_grant: revoked", "{}"), NotSignedIn, "a login that has run out"),
    (credentials.RefreshError(ACTING, '{"error": {"code": 403}}'), NotSignedIn, "no leave to impersonate"),
    (requests.ConnectionError("cut"), Unavailable, "a line that went dead"),
    (requests.ReadTimeout("slow"), Unavailable, "an answer that never came"),
    (ConnectionResetError("reset"), Unavailable, "below the clients"),
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


class Answer:
    """An HTTP answer, as far as errors look at it."""

    def __init__(self, after: str) -> None:
        self.headers = {"Retry-After": after}


ASKED_TO_WAIT = [
    (api.ServiceUnavailable("busy", response=Answer("20")), 20.0, "the header"),
    (
        api.ServiceUnavailable("busy", response=Answer("Wed, 21 Oct 2026 07:28:00 GMT")),
        0.0,
        "a date is not read",
    ),
    (
        api.TooManyRequests("x per minute", details=[{"@type": "t/RetryInfo", "retryDelay": "7.5s"}]),
        7.5,
        "RetryInfo",
    ),
    (api.ServiceUnavailable("busy"), 0.0, "nothing is said"),
]


@pytest.mark.parametrize(("error", "seconds", "reason"), ASKED_TO_WAIT)
def test_the_pause_that_google_asks_for_is_read(error: Exception, seconds: float, reason: str) -> None:
    with pytest.raises(Unavailable) as raised, translated():
        raise error
    assert raised.value.retry_after == seconds, reason


class Outage:
    """A call that fails until a moment of a clock that only waiting moves."""

    def __init__(self, clock: Clock, seconds: float, error: Exception) -> None:
        self.clock, self.until, self.error = clock, clock.at + seconds, error

    def __call__(self) -> str:
        if self.clock.at < self.until:
            raise self.error
        return "answer"


def patience(clock: Clock, lines: list[str]) -> Patience:
    return Patience(1800.0, clock, lines.append)


OUTAGES = [
    (12.0, api.ServiceUnavailable("busy"), "twelve seconds"),
    (180.0, api.ServiceUnavailable("busy"), "three minutes"),
    (1700.0, requests.ConnectionError("refused"), "nearly the bound"),
    (180.0, credentials.TransportError("token endpoint"), "no token"),
    (60.0, api.TooManyRequests("x per minute", response=Answer("20")), "too many requests"),
    (60.0, api.TooManyRequests("Quota exceeded"), "a read takes nothing but requests: any 429 passes"),
]


@pytest.mark.parametrize(("seconds", "error", "reason"), OUTAGES)
def test_a_command_that_acts_outlasts_trouble_that_passes(
    seconds: float, error: Exception, reason: str
) -> None:
    clock, lines = Clock(), list[str]()
    with stamina.set_testing(True, attempts=2, cap=True), outlasting(patience(clock, lines)):
        assert looked_up(Outage(clock, seconds, error)) == "answer", reason
    assert lines
    assert all("Google has not answered for" in line and "still waiting" in line for line in lines)


def test_a_pause_is_as_long_as_google_asks_for() -> None:
    clock, lines = Clock(), list[str]()
    error = api.TooManyRequests("x per minute", response=Answer("20"))
    with stamina.set_testing(True, attempts=1), outlasting(patience(clock, lines)):
        looked_up(Outage(clock, 19.0, error))
    assert len(lines) == 1


def test_an_outage_has_a_bound() -> None:
    clock, lines = Clock(), list[str]()
    with (
        stamina.set_testing(True, attempts=1),
        outlasting(patience(clock, lines)),
        pytest.raises(Unavailable, match=r"busy\. Google has not answered for 30 min 0 s; run it again"),
    ):
        looked_up(Outage(clock, 1e9, api.ServiceUnavailable("busy")))


def test_what_ends_the_command_ends_the_pause() -> None:
    class Ended(Exception):
        pass

    class Ending(Clock):
        def sleep(self, seconds: float, /) -> None:
            raise Ended

    clock = Clock()
    with (
        stamina.set_testing(True, attempts=1),
        outlasting(patience(clock, [])),
        on_clock(Ending()),
        pytest.raises(Ended),
    ):
        looked_up(Outage(clock, 60.0, api.ServiceUnavailable("busy")))


@pytest.mark.parametrize(
    "error", [api.BadRequest("x"), api.Forbidden("x"), api.TooManyRequests("Quota exceeded for GPUs")]
)
def test_a_change_that_is_refused_is_not_waited_for(error: Exception) -> None:
    clock = Clock()
    with stamina.set_testing(True, attempts=1), outlasting(patience(clock, [])), pytest.raises(VertexError):
        repeated(Outage(clock, 60.0, error))
    assert clock.at == Clock().at


LIMITS = [
    ("GlobalConcurrentManagedOssModelTuningJobs", QuotaExceeded, "jobs at once: somebody has to end first"),
    ("ResourceManagementRequestsPerMinutePerProjectPerRegion", TooManyRequests, "requests: it passes"),
]


@pytest.mark.parametrize(("limit", "kind", "why"), LIMITS, ids=[case[2] for case in LIMITS])
def test_the_limits_name_says_what_a_quota_counts(limit: str, kind: type[VertexError], why: str) -> None:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {"quota_limit": limit},
    }
    refused = requests.Response()
    refused.status_code = 429
    refused._content = json.dumps(
        {"error": {"code": 429, "message": "Quota exceeded for jobs", "details": [info]}}
    ).encode()
    refused.request = requests.Request("GET", "https://us-central1-aiplatform.googleapis.com/x").prepare()

    with pytest.raises(VertexError) as raised, translated():
        raise api.from_http_response(refused)

    assert type(raised.value) is kind, why
