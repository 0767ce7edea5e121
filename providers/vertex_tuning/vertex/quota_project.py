"""Credentials that name the project of each call as the one whose quota the call counts against."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

from google.auth.credentials import Credentials
from google.oauth2.credentials import Credentials as UserCredentials

HEADER = "x-goog-user-project"
_PROJECT = re.compile(r"/projects/([^/:?]+)")


class OnProject(Credentials):
    """Other credentials, with the project in a call's address as its quota project."""

    def __init__(self, source: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._source = source

    def refresh(self, request: Any) -> None:
        """Get a new token."""
        self._source.refresh(request)

    def before_request(self, request: Any, method: str, url: str, headers: MutableMapping[str, str]) -> None:
        """Sign a request."""
        self._source.before_request(request, method, url, headers)
        found = _PROJECT.search(url)
        if found is not None:
            headers.setdefault(HEADER, found[1])


def wants_project(credentials: Any) -> bool:
    """Whether Google refuses these without a quota project: a user's own that name none."""
    return isinstance(credentials, UserCredentials) and not credentials.quota_project_id
