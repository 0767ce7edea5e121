"""What can go wrong at Google, in closed classes that say what to do about it.

VertexError
├── InvalidRequest      never retried: the same request stays wrong
├── PermissionMissing   mended by a role
├── NotFound
├── AlreadyExists
├── QuotaExceeded       waits in line
├── NoCapacity          another region or machine, or later
└── Transient           tried again with jitter and a cap

What follows from each is in ``failures``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..catalog import FailureKind

_CALL = re.compile(r"^[A-Z]+ https?://\S+: ")
_CAPACITY = (
    "out of capacity",
    "no capacity",
    "stockout",
    "insufficient resources",
    "not enough resources",
    "enough resources available",
    "machine type temporarily unavailable",
)


class VertexError(Exception):
    """Base of all; Google's own error, if there was one, is the ``__cause__``."""

    def __init_subclass__(cls) -> None:
        # Pulumi shows users what traceback.format_exception prints: a class of this module with its
        # dotted path, a builtin by its name alone.
        cls.__module__ = "builtins"


class InvalidRequest(VertexError):
    """Google refuses the request as it is."""


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
    """Passes by itself: a busy or restarting service, a lost connection."""


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
    return _narrowed(_BY_HTTP.get(status, Transient), message)


def of_rpc(code: int, message: str) -> VertexError:
    """The error for the code of a failed operation."""
    return _narrowed(_BY_RPC.get(code, Transient), message)


def _narrowed(kind: type[VertexError], message: str) -> VertexError:
    # Google's clients put method and address in front of what the service said.
    text = _CALL.sub("", " ".join(message.split()))
    if kind in (QuotaExceeded, Transient) and any(word in text.lower() for word in _CAPACITY):
        kind = NoCapacity
    return kind(text)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Google's clients raise into the classes above."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except GoogleAPICallError as error:
        raise of_http(int(error.code or 0), str(error.message)) from error
    except GoogleAuthError as error:
        raise NotSignedIn(_unusable(error)) from error
    except (RequestException, RetryError, ConnectionError, TimeoutError) as error:
        asked = os.environ.get("VERTEX_TUNING_ENDPOINT") or "Google"
        raise Transient(f"no answer from {asked}: {_first_line(error)}") from error


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


def _first_line(error: BaseException) -> str:
    """What the innermost error says: the outer ones repeat it among addresses and class names."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
