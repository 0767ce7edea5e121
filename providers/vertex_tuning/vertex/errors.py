"""What can go wrong at Google, in closed classes that say what to do about it.

VertexError
├── InvalidRequest      never retried: the same request stays wrong
│   └── FailedPrecondition  right in itself; another place may take it
├── PermissionMissing   mended by a role
├── NotFound
├── AlreadyExists
├── QuotaExceeded       waits in line
├── NoCapacity          another region or machine, or later
└── Transient           passes by itself; the next run goes on
    └── Unavailable     asked again for a stated time
        └── TooManyRequests

What follows from each is in ``failures``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING

from .. import plain
from ..catalog import FailureKind

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_MESSAGE_IN_BODY = re.compile(r'\{"error":.*?"message":\s*"((?:[^"\\]|\\.)*)"')
_CALL = re.compile(r"^[A-Z]+ https?://\S+: ")
_CAPACITY = (
    "out of capacity",
    "no capacity",
    "stockout",
    "insufficient resources",
    "resources are insufficient",
    "not enough resources",
    "enough resources available",
    "machine type temporarily unavailable",
)
_SERVER_ERROR = 500
# A rate limit, in Google's words: "... requests per minute per region", or without naming it at all.
_REQUESTS = re.compile(
    r"per (minute|second|\d+ seconds)|too many requests|\(e\.g\. check quota\)", re.IGNORECASE
)
_NOT_READY = "not yet ready for inference"
"""A deployment that has scaled to zero is starting a replica."""
# Google's impersonation and token exchange put the HTTP status into their text.
_TOKEN_SERVICE_DOWN = re.compile(r"""code["']?:?\s*5\d\d\b|5\d\d (Bad|Service|Server|Gateway|Internal)""")
_SECONDS = re.compile(r"\d{1,6}(\.\d{1,9})?s?")


class VertexError(Exception):
    """Base of all, in one line; Google's own error, if there was one, is the ``__cause__``."""

    def __init__(self, text: str = "") -> None:
        super().__init__(plain.line(text))

    def __init_subclass__(cls) -> None:
        # Pulumi shows users what traceback.format_exception prints: a class of this module with its
        # dotted path, a builtin by its name alone.
        cls.__module__ = "builtins"


class InvalidRequest(VertexError):
    """Google refuses the request as it is."""


class FailedPrecondition(InvalidRequest):
    """Google refuses the request where or as things are; it is right in itself."""


class NotSignedIn(VertexError):
    """There are no usable Google credentials."""


class PermissionMissing(VertexError):
    """The caller lacks a role."""


class NotFound(VertexError):
    """What the call names is not there."""


class AlreadyExists(VertexError):
    """What the call wants to make is there already."""


class QuotaExceeded(VertexError):
    """A quota of the project is used up."""


class NoCapacity(VertexError):
    """The region has no such machine free at the moment."""


class Transient(VertexError):
    """Passes by itself."""


class Unavailable(Transient):
    """No answer, or one that does not say whether the call was carried out.

    Attributes:
        retry_after: the pause in seconds that the server asks for; 0 if it does not.
    """

    def __init__(self, text: str = "", retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class TooManyRequests(Unavailable):
    """More requests in a minute than the project may send; the call was not carried out."""


_BY_HTTP: dict[int, type[VertexError]] = {
    400: InvalidRequest,
    401: NotSignedIn,
    403: PermissionMissing,
    404: NotFound,
    409: AlreadyExists,
    412: AlreadyExists,
    429: QuotaExceeded,
    501: InvalidRequest,
}
# google.rpc.Code, as long-running operations carry it.
_BY_RPC: dict[int, type[VertexError]] = {
    3: InvalidRequest,
    5: NotFound,
    6: AlreadyExists,
    7: PermissionMissing,
    8: QuotaExceeded,
    9: InvalidRequest,
    12: InvalidRequest,
    16: NotSignedIn,
}


# Of these a tuning job may fail and the next one succeed; an invalid request is not among them.
_MAY_PASS = {
    2: FailureKind.INTERNAL,
    4: FailureKind.UNAVAILABLE,
    8: FailureKind.CAPACITY,
    10: FailureKind.UNAVAILABLE,
    13: FailureKind.INTERNAL,
    14: FailureKind.UNAVAILABLE,
}


def failure_of(code: int) -> FailureKind | None:
    """Which failure that may pass a tuning job's error code stands for; ``None`` for every other."""
    return _MAY_PASS.get(code)


def of_http(status: int, message: str) -> VertexError:
    """The error for an HTTP status; what is not known counts as passing."""
    return _narrowed(_BY_HTTP.get(status, Unavailable if status >= _SERVER_ERROR else Transient), message)


def of_rpc(code: int, message: str) -> VertexError:
    """The error for the code of a failed operation."""
    return _narrowed(_BY_RPC.get(code, Transient), message)


def _narrowed(kind: type[VertexError], message: str) -> VertexError:
    # Google's clients put method and address in front of what the service said.
    text = _CALL.sub("", " ".join(message.split()))
    # The storage client shows the whole body of an answer among its own words.
    if inner := _MESSAGE_IN_BODY.search(text):
        text = inner[1].replace('\\"', '"')
    if kind in (QuotaExceeded, Transient, Unavailable) and any(word in text.lower() for word in _CAPACITY):
        kind = NoCapacity
    if kind is QuotaExceeded and _REQUESTS.search(text):
        kind = TooManyRequests
    if kind is QuotaExceeded and _NOT_READY in text.lower():
        kind = Unavailable
    return kind(text)


def _answered(error: GoogleAPICallError) -> VertexError:
    """The error for what Google answered, with the pause that it asks for."""
    found = of_http(int(error.code or 0), str(error.message))
    if type(found) is InvalidRequest and _status(error) == "FAILED_PRECONDITION":
        found = FailedPrecondition(str(found))
    # Google gives this reason for every quota, jobs at once included: its limit's name says what is counted.
    limit = (
        str((error.metadata or {}).get("quota_limit", "")) if error.reason == "RATE_LIMIT_EXCEEDED" else ""
    )
    if type(found) is QuotaExceeded and "PerMinute" in limit:
        found = TooManyRequests(str(found))
    if isinstance(found, Unavailable):
        found.retry_after = retry_after(error)
    return found


def _status(error: GoogleAPICallError) -> str:
    """Google's name of the error's code, which HTTP does not tell apart; empty if the answer has none."""
    try:
        return str(error.response.json()["error"]["status"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""
    except RuntimeError:
        # It was read as a stream, and no call that is read so asks for the code.
        return ""


def retry_after(error: GoogleAPICallError) -> float:
    """The pause in seconds that Google asks for, in the header or in the details; 0 if it does not."""
    header = getattr(error.response, "headers", {}).get("Retry-After", "")
    delays = [detail.get("retryDelay", "") for detail in error.details if isinstance(detail, Mapping)]
    found = next((each for each in (header, *delays) if _SECONDS.fullmatch(str(each))), "0")
    return float(str(found).removesuffix("s"))


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Google's clients raise into the classes above."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.protobuf.json_format import ParseError
    from requests.exceptions import RequestException

    try:
        yield
    except GoogleAPICallError as error:
        raise _answered(error) from error
    except GoogleAuthError as error:
        if _token_service_down(error):
            raise Unavailable(
                f"no access token, because Google's token service failed: {_said(error)}"
            ) from error
        raise NotSignedIn(_unusable(error)) from error
    except (ParseError, JSONDecodeError, UnicodeDecodeError) as error:
        raise Unavailable(
            f"{_asked()} answered something that is not its API's JSON: {_said(error)}"
        ) from error
    except (RequestException, RetryError, ConnectionError, TimeoutError) as error:
        raise Unavailable(f"no answer from {_asked()}: {_said(error)}") from error


def _asked() -> str:
    return os.environ.get("VERTEX_TUNING_ENDPOINT") or "Google"


def _token_service_down(error: BaseException) -> bool:
    """Whether the token service could not be reached or failed, anywhere in the chain of causes."""
    from google.auth.exceptions import GoogleAuthError, TransportError

    found: BaseException | None = error
    while found is not None:
        if isinstance(found, TransportError) or (isinstance(found, GoogleAuthError) and found.retryable):
            return True
        found = found.__cause__ or next((arg for arg in found.args if isinstance(arg, BaseException)), None)
    return any(_TOKEN_SERVICE_DOWN.search(str(part)) for part in error.args)


def _unusable(error: BaseException) -> str:
    """Why there are no credentials, and how to get some."""
    said = [str(part) for part in error.args]
    if not said or "impersonated" not in said[0]:
        return (
            "no usable Google credentials; run: gcloud auth application-default login, or set "
            "VERTEX_TUNING_ENDPOINT for an embedded Vertex AI"
        )
    answer = re.search(r'"message":\s*"([^"]*)"', said[-1])
    why = answer[1] if answer else "Google gave no token"
    return (
        f"may not act as the service account that VERTEX_TUNING_IMPERSONATE names: {why.rstrip('.')}; it "
        "takes roles/iam.serviceAccountTokenCreator on that account and the IAM Service Account Credentials "
        "API"
    )


def _said(error: BaseException) -> str:
    """What the innermost error says: the outer ones repeat it among addresses and class names."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
