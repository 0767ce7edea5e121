"""Errors in the two shapes that Google's clients read."""

from http import HTTPStatus
from typing import Any

STATUS_OF_CODE: dict[int, tuple[int, str]] = {
    1: (499, "CANCELLED"),
    2: (500, "UNKNOWN"),
    3: (400, "INVALID_ARGUMENT"),
    4: (504, "DEADLINE_EXCEEDED"),
    5: (404, "NOT_FOUND"),
    6: (409, "ALREADY_EXISTS"),
    7: (403, "PERMISSION_DENIED"),
    8: (429, "RESOURCE_EXHAUSTED"),
    9: (400, "FAILED_PRECONDITION"),
    10: (409, "ABORTED"),
    11: (400, "OUT_OF_RANGE"),
    12: (501, "UNIMPLEMENTED"),
    13: (500, "INTERNAL"),
    14: (503, "UNAVAILABLE"),
    15: (500, "DATA_LOSS"),
    16: (401, "UNAUTHENTICATED"),
}
"""google.rpc.Code → HTTP status and the code's name."""

_CODE_OF_HTTP = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4}


class ApiError(Exception):
    """A refusal in the words of Vertex AI and its sister services.

    `code` is a google.rpc.Code. `reason` and `metadata` become an ErrorInfo detail when given.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        metadata: dict[str, str] | None = None,
        http: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.http = http if http is not None else STATUS_OF_CODE[code][0]

    @property
    def status(self) -> str:
        """The name of the code, for example NOT_FOUND."""
        return STATUS_OF_CODE[self.code][1]

    def rpc_status(self) -> dict[str, Any]:
        """As google.rpc.Status: what a failed operation or job carries."""
        return {"code": self.code, "message": self.message}

    def body(self) -> dict[str, Any]:
        """As the JSON body of an answer."""
        error: dict[str, Any] = {"code": self.http, "message": self.message, "status": self.status}
        if self.reason:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason}
            error["details"] = [
                {**info, "domain": "googleapis.com", **({"metadata": self.metadata} if self.metadata else {})}
            ]
        return {"error": error}


class StorageError(Exception):
    """A refusal in the words of Cloud Storage's JSON API, which has a shape of its own."""

    def __init__(self, http: int, message: str, reason: str) -> None:
        super().__init__(message)
        self.http = http
        self.message = message
        self.reason = reason

    def body(self) -> dict[str, Any]:
        """As the JSON body of an answer."""
        detail = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.http, "message": self.message, "errors": [detail]}}


def invalid(message: str) -> ApiError:
    """A request that can never succeed as it stands."""
    return ApiError(3, message)


def not_found(what: str) -> ApiError:
    """Nothing lives under that name."""
    return ApiError(5, f"{what} is not found.")


def exists(what: str) -> ApiError:
    """The name is taken."""
    return ApiError(6, f"{what} already exists.")


def precondition(message: str) -> ApiError:
    """The request is well formed, but the state of things refuses it."""
    return ApiError(9, message)


def unimplemented(method: str) -> ApiError:
    """Google has this method, the embedded service does not."""
    return ApiError(12, f"{method} is not served by the embedded Vertex AI.")


def of_http(http: int, message: str) -> ApiError:
    """The error that goes with an HTTP status, for faults that name only the status."""
    if http in _CODE_OF_HTTP:
        return ApiError(_CODE_OF_HTTP[http], message, http=http)
    return ApiError(13 if http >= HTTPStatus.INTERNAL_SERVER_ERROR else 3, message, http=http)
