"""The client of GitHub against a stand-in over HTTP: one comment, one issue, however often it is called."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.github import StandIn, stand_in
from tools.ci.github import GitHub, GitHubError, pull_request

MARK = "vertex-tuning preview search-dev"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


@pytest.fixture
def github(server: StandIn) -> Iterator[GitHub]:
    with GitHub.from_environment(server.environment()) as client:
        yield client


def test_a_comment_is_updated_in_place(server: StandIn, github: GitHub) -> None:
    for other in range(5):
        server.add_comment(7, f"comment {other}")
    first = github.comment(7, MARK, "one change")
    assert github.comment(7, MARK, "two changes") == first
    assert github.comment(7, "vertex-tuning preview search-prod", "another stack") != first
    bodies = [comment["body"] for comment in server.comments[7]]
    assert bodies[5:] == [
        f"<!-- {MARK} -->\ntwo changes",
        "<!-- vertex-tuning preview search-prod -->\nanother stack",
    ]


def test_what_a_person_wrote_is_left_alone(server: StandIn, github: GitHub) -> None:
    server.add_comment(7, f"<!-- {MARK} -->\nI quote a bot", by="User")
    github.comment(7, MARK, "mine")
    assert [comment["body"].splitlines()[1] for comment in server.comments[7]] == ["I quote a bot", "mine"]


def test_our_comments_are_found_by_how_their_marks_begin(server: StandIn, github: GitHub) -> None:
    server.add_comment(7, f"<!-- {MARK} -->\nI quote a bot", by="User")
    for mark in (MARK, "vertex-tuning preview search-prod", "vertex-tuning previews", "another bot"):
        server.add_comment(7, f"<!-- {mark} -->\ntext")
    assert github.marks(7, "vertex-tuning preview") == [MARK, "vertex-tuning preview search-prod"]


def test_one_issue_while_it_is_so(server: StandIn, github: GitHub) -> None:
    mark = "vertex-tuning drift search-dev"
    for other in range(3):
        server.add_issue({"title": f"other {other}", "body": "", "labels": ["drift"]})
    where = github.open_issue(mark, "drift", "Drift in search-dev", "an endpoint")
    asked = len(server.calls)
    assert github.open_issue(mark, "drift", "Drift in search-dev", "an endpoint") == where
    assert not any(call.startswith("PATCH") for call in server.calls[asked:]), "nobody is told twice"
    assert github.open_issue(mark, "drift", "Drift in search-dev", "two endpoints") == where
    assert len(server.issues) == 4
    assert server.issues[3]["body"].endswith("two endpoints")

    assert github.close_issue(mark, "drift", "mended") == where
    assert (server.issues[3]["state"], server.comments[4][0]["body"]) == ("closed", "mended")
    assert [issue["state"] for issue in server.issues[:3]] == ["open"] * 3
    assert github.close_issue(mark, "drift", "mended") is None
    github.open_issue(mark, "drift", "Drift in search-dev", "again")
    assert len(server.issues) == 5, "a new occasion is a new issue"


def test_a_text_that_is_too_long_is_cut(server: StandIn, github: GitHub) -> None:
    github.comment(7, MARK, "x" * 200_000)
    assert server.comments[7][0]["body"].endswith("cut; the log has the rest.")


@pytest.mark.parametrize("status", [403, 500])
def test_a_refusal_is_one_line(server: StandIn, github: GitHub, status: int) -> None:
    server.fail = status
    with pytest.raises(GitHubError, match=rf"^GET \S+/comments\S*: {status} something is wrong$"):
        github.comment(7, MARK, "text")


def test_an_address_where_nobody_listens(server: StandIn) -> None:
    nowhere = {**server.environment(), "GITHUB_API_URL": "http://127.0.0.1:1"}
    with (
        GitHub.from_environment(nowhere) as github,
        pytest.raises(GitHubError, match="GET issues/7/comments"),
    ):
        github.comment(7, MARK, "text")


def test_outside_of_a_workflow() -> None:
    with pytest.raises(GitHubError, match="not set: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN"):
        GitHub.from_environment({})
    with pytest.raises(GitHubError, match="no workflow of a pull request"):
        pull_request({})


def test_the_pull_request_is_that_of_the_event(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    assert pull_request({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == 7
