"""Requests that a web page in the user's browser makes: refused on every path.

A page of any site can post a form or plain text to this machine, and can have a host name of its own that
leads here. No client of Google's is a browser, so nothing is lost.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from vertex_emulator.settings import is_loopback
from vertex_emulator.wire.errors import ApiError

_PERMISSION_DENIED = 7
# "none": the user typed the address; "same-origin" cannot come from a page, because none is served here.
_ALLOWED_SITES = {"", "none"}


def cross_site(request: Request, *, checks_host: bool) -> ApiError | None:
    """Why a request may not be answered, or ``None``.

    Args:
        request: what has arrived; only its headers are read.
        checks_host: refuse a Host other than this machine's own: no token keeps others out.
    """
    headers = request.headers
    host = _host(headers.get("host", ""))
    if checks_host and not is_loopback(host):
        return _refusal(f"The Host of the request, '{host[:100]}', does not name this machine.")
    if headers.get("sec-fetch-site", "") not in _ALLOWED_SITES:
        return _refusal("Requests of web pages are refused (Sec-Fetch-Site).")
    if "origin" in headers:
        return _refusal("Requests of web pages are refused (Origin).")
    if request.scope["raw_path"].startswith(b"/emulator/") and request.method in {"POST", "PUT"}:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return ApiError(3, f"The Content-Type must be application/json, not '{kind[:100]}'.")
    return None


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return header


def _refusal(why: str) -> ApiError:
    return ApiError(_PERMISSION_DENIED, why)
