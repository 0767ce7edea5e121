"""A stand-in for GitHub, which cannot be had here: the routes that the workflows use, over real HTTP.

It keeps comments and issues, hands them out in pages of two, refuses calls without the token, and knows
nothing else. It says nothing about what GitHub itself does; the routes are those of its REST documentation.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
TOKEN = "a-token-of-a-workflow"  # noqa: S105 -- opens nothing
PAGE = 2
REPOSITORY = "acme/models"


@dataclass
class StandIn:
    """What the repository holds, and what was asked of it."""

    url: str = ""
    comments: dict[int, list[Json]] = field(default_factory=dict)
    issues: list[Json] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fail: int = 0
    """Answer the next call with this status."""
    _last: int = 0

    def environment(self) -> dict[str, str]:
        """What a runner would tell a job."""
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}

    def add_comment(self, issue: int, body: str, by: str = "Bot") -> Json:
        self._last += 1
        made = {
            "id": self._last,
            "body": body,
            "user": {"type": by},
            "html_url": f"{self.url}/c/{self._last}",
        }
        self.comments.setdefault(issue, []).append(made)
        return made

    def add_issue(self, body: Json, by: str = "Bot") -> Json:
        made = {
            **body,
            "number": len(self.issues) + 1,
            "state": "open",
            "user": {"type": by},
            "html_url": f"{self.url}/i/{len(self.issues) + 1}",
        }
        self.issues.append(made)
        return made

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Json) -> Any:
        """The result of a call, a list for what comes in pages; ``None`` if there is no such route."""
        found = re.fullmatch(rf"/repos/{REPOSITORY}/(.*)", path)
        if found is None:
            return None
        match [method, *found[1].split("/")]:
            case ["GET", "issues", number, "comments"]:
                return self.comments.get(int(number), [])
            case ["POST", "issues", number, "comments"]:
                return self.add_comment(int(number), body["body"])
            case ["PATCH", "issues", "comments", number]:
                [comment] = [c for cs in self.comments.values() for c in cs if c["id"] == int(number)]
                comment.update(body)
                return comment
            case ["GET", "issues"]:
                wanted = set(query.get("labels", []))
                return [
                    issue
                    for issue in self.issues
                    if issue["state"] == query["state"][0] and wanted <= set(issue["labels"])
                ]
            case ["POST", "issues"]:
                return self.add_issue(body)
            case ["PATCH", "issues", number]:
                self.issues[int(number) - 1].update(body)
                return self.issues[int(number) - 1]
        return None


class _Handler(BaseHTTPRequestHandler):
    state: StandIn

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def _handle(self) -> None:
        split = urlsplit(self.path)
        query = parse_qs(split.query)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.state.calls.append(f"{self.command} {split.path}")
        if self.state.fail:
            status, self.state.fail = self.state.fail, 0
            return self._send(status, {"message": "something is wrong"})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send(401, {"message": "Bad credentials"})
        if len(str(body.get("body", ""))) > 65_536:
            return self._send(422, {"message": "body is too long"})
        answer = self.state.answer(self.command, split.path, query, body)
        if answer is None:
            return self._send(404, {"message": "Not Found"})
        if not isinstance(answer, list):
            return self._send(201 if self.command == "POST" else 200, answer)
        page = int(query.get("page", ["1"])[0])
        more = page * PAGE < len(answer)
        rest = "&".join(f"{key}={value[0]}" for key, value in query.items() if key != "page")
        link = f'<{self.state.url}{split.path}?{rest}&page={page + 1}>; rel="next"' if more else None
        return self._send(200, answer[(page - 1) * PAGE : page * PAGE], link)

    do_GET = do_POST = do_PATCH = _handle  # noqa: N815 -- names of the standard library

    def _send(self, status: int, body: Any, link: str | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        if link:
            self.send_header("Link", link)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A stand-in that listens on a free loopback port."""
    state = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
