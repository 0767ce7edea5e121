"""The few calls to GitHub that the workflows make: one comment and one issue, found again by a mark."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from vertex_tuning.decoding import REFUSED

MOST_CHARACTERS = 65_000
"""GitHub refuses texts of more than 65,536."""
MOST_PAGES = 50
_TIMEOUT_S = 30.0


class GitHubError(Exception):
    """GitHub refused or did not answer; the text says which call and why."""


class GitHub:
    """One repository on GitHub, or on a GitHub Enterprise Server.

    Args:
        url: of the REST API.
        repository: ``OWNER/NAME``.
        token: of the workflow; its rights are the job's ``permissions``.
    """

    def __init__(self, url: str, repository: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/repos/{repository}/",
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {token}",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=_TIMEOUT_S,
            transport=httpx.HTTPTransport(retries=3),
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """As a workflow's job has it.

        Raises:
            GitHubError: not in a workflow, or the job gives no token.
        """
        names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            raise GitHubError(f"not set: {', '.join(missing)}; a job passes GITHUB_TOKEN with env")
        return cls(*(environment[name] for name in names))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def comment(self, pull_request: int, mark: str, text: str) -> str:
        """Make the comment with this mark say ``text``; there is one, whoever calls how often.

        Returns:
            Where to read it.
        """
        body = {"body": _marked(mark, text)}
        for found in self._all(f"issues/{pull_request}/comments"):
            if _ours(found, mark):
                return str(self._call("PATCH", f"issues/comments/{found['id']}", body)["html_url"])
        return str(self._call("POST", f"issues/{pull_request}/comments", body)["html_url"])

    def marks(self, pull_request: int, beginning: str) -> list[str]:
        """The marks of our comments that begin so."""
        found = (_mark(each) for each in self._all(f"issues/{pull_request}/comments"))
        return [mark for mark in found if mark is not None and mark.startswith(f"{beginning} ")]

    def open_issue(self, mark: str, label: str, title: str, text: str) -> str:
        """Make one open issue with this mark say ``text``.

        Returns:
            Where to read it.
        """
        body = {"title": title, "body": _marked(mark, text)}
        found = self._issue(mark, label)
        if found is None:
            return str(self._call("POST", "issues", {**body, "labels": [label]})["html_url"])
        if (found["title"], found["body"]) != (body["title"], body["body"]):
            self._call("PATCH", f"issues/{found['number']}", body)
        return str(found["html_url"])

    def close_issue(self, mark: str, label: str, why: str) -> str | None:
        """Close the open issue with this mark, if there is one, and say why.

        Returns:
            Where to read it, or ``None`` if none was open.
        """
        found = self._issue(mark, label)
        if found is None:
            return None
        self._call("POST", f"issues/{found['number']}/comments", {"body": why})
        self._call("PATCH", f"issues/{found['number']}", {"state": "closed", "state_reason": "completed"})
        return str(found["html_url"])

    def _issue(self, mark: str, label: str) -> Mapping[str, Any] | None:
        issues = self._all("issues", state="open", labels=label)
        return next((found for found in issues if _ours(found, mark) and "pull_request" not in found), None)

    def _all(self, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
        address: str | None = str(httpx.URL(path, params={**query, "per_page": "100"}))
        for _ in range(MOST_PAGES):
            if address is None:
                return
            answer = self._send("GET", address)
            yield from answer.json()
            address = answer.links.get("next", {}).get("url")

    def _call(self, method: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._send(method, path, body).json()
        return found

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise GitHubError(f"{method} {path}: {error}") from error
        if answer.is_error:
            raise GitHubError(f"{method} {path}: {answer.status_code} {_reason(answer)}")
        return answer


def pull_request(environment: Mapping[str, str] = os.environ) -> int:
    """The number of the pull request that the workflow runs for.

    Raises:
        GitHubError: it runs for something else.
    """
    try:
        event = msgspec.json.decode(Path(environment["GITHUB_EVENT_PATH"]).read_bytes(), type=dict[str, Any])
        return int(event["pull_request"]["number"])
    except (KeyError, OSError, *REFUSED) as error:
        raise GitHubError(f"this is no workflow of a pull request: {error!r}") from error


def _marked(mark: str, text: str) -> str:
    cut = (
        text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "\n\n… cut; the log has the rest."
    )
    return f"<!-- {mark} -->\n{cut}"


def _ours(found: Mapping[str, Any], mark: str) -> bool:
    return _mark(found) == mark


def _mark(found: Mapping[str, Any]) -> str | None:
    """The mark of what a workflow wrote; what a person wrote has none, and is never overwritten."""
    written = re.match(r"<!-- (.+) -->\n", str(found.get("body") or ""))
    author = found.get("user") or {}
    return written[1] if written and author.get("type") == "Bot" else None


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
