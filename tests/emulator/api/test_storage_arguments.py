"""What a request to Cloud Storage says has its effect, or is refused by name; nothing is passed over."""

from typing import Any

import httpx
import pytest

from tests.support.plain import Plain
from vertex_emulator.api.served import TABLE
from vertex_emulator.api.storage.arguments import TAKES

Json = dict[str, Any]


def test_every_method_says_which_parameters_it_takes() -> None:
    served = {route.google for route in TABLE.routes if route.google.startswith("storage.")}

    assert served - TAKES.keys() == {"storage.xml", "storage.xml.multipartUploads"}
    assert TAKES.keys() <= served


GLOBS: dict[str, list[str]] = {
    "*": ["a.txt", "b.csv"],
    "**": ["a.txt", "b.csv", "d/a.txt", "d/e/a.txt", "d/e/b1.csv"],
    "**.txt": ["a.txt", "d/a.txt", "d/e/a.txt"],
    "d/*.txt": ["d/a.txt"],
    "d/**/*.txt": ["d/a.txt", "d/e/a.txt"],
    "**/a.txt": ["a.txt", "d/a.txt", "d/e/a.txt"],
    "d**a.txt": ["d/a.txt", "d/e/a.txt"],
    "**/{a.txt,b1.csv}": ["a.txt", "d/a.txt", "d/e/a.txt", "d/e/b1.csv"],
    "d/{e/{a,b1}*,a*}": ["d/a.txt", "d/e/a.txt", "d/e/b1.csv"],
    "[!b]*": ["a.txt"],
    "\\a.txt": ["a.txt"],
    "?.csv": ["b.csv"],
    "d?a.txt": [],
    "{a,b}.{txt,csv}": ["a.txt", "b.csv"],
    "**b[0-9].csv": ["d/e/b1.csv"],
    "**b[!0-9].csv": [],
    "a+txt": [],
}


@pytest.mark.evidence("storage.match-glob", side="service")
@pytest.mark.parametrize("glob", GLOBS)
def test_a_list_is_narrowed_by_a_glob(plain: Plain, glob: str) -> None:
    for name in GLOBS["**"]:
        plain.put(name, b"")

    answer = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params={"matchGlob": glob})

    assert [item["name"] for item in answer["items"]] == GLOBS[glob]


@pytest.mark.parametrize("glob", ["[z-a]", "{a", "x" * 1025, "{a,b}" * 40, "{a,b}" * 9 + "c" * 50])
def test_a_glob_that_is_none_is_refused(plain: Plain, glob: str) -> None:
    plain.put("a", b"")

    assert plain.refused("GET", f"storage/v1/b/{plain.bucket}/o", params={"matchGlob": glob})[0] == 400


@pytest.mark.parametrize("glob", ["*a" * 500, "**a" * 300, "{*a,*b}" * 5 + "*a" * 40, "[ab]*" * 200])
def test_a_glob_of_many_stars_holds_nobody_up(plain: Plain, glob: str) -> None:
    for number in range(20):
        plain.put("a" * 1000 + str(number), b"")

    answer = httpx.get(
        f"{plain.url}/storage/v1/b/{plain.bucket}/o", params={"matchGlob": glob + "z"}, timeout=20
    )

    assert answer.json()["items"] == []


ETAGS: dict[str, tuple[str, dict[str, str], int]] = {
    "read if it is this one": ("GET", {"if-match": '"{etag}"'}, 200),
    "read if it is one of these": ("GET", {"if-match": 'other, W/"{etag}"'}, 200),
    "read if it is another": ("GET", {"if-match": "other"}, 412),
    "read unless it is this one": ("GET", {"if-none-match": "{etag}"}, 304),
    "read unless it is another": ("GET", {"if-none-match": "other"}, 200),
    "change if it is this one": ("PATCH", {"if-match": "{etag}"}, 200),
    "change if it is another": ("PATCH", {"if-match": "other"}, 412),
    "delete unless it is there": ("DELETE", {"if-none-match": "*"}, 412),
    "delete if it is there": ("DELETE", {"if-match": "*"}, 204),
}


@pytest.mark.parametrize("reason", ETAGS)
def test_tags_decide_as_preconditions(plain: Plain, reason: str) -> None:
    method, headers, status = ETAGS[reason]
    tag = plain.put("a", b"one")["etag"]
    filled = {key: value.format(etag=tag) for key, value in headers.items()}
    path = f"storage/v1/b/{plain.bucket}/o/a"

    answers = [plain.call(method, path, {} if method == "PATCH" else None, headers=filled)]
    if method == "GET":
        answers.append(plain.call(method, f"{path}?alt=media", headers=filled))

    assert {answer.status_code for answer in answers} == {status}
    assert not answers[0].content or status not in {204, 304}


UNSERVED: dict[str, tuple[str, str, Json]] = {
    "what was deleted softly": ("GET", "b/{b}/o/a", {"params": {"softDeleted": "true"}}),
    "folders as objects": ("GET", "b/{b}/o", {"params": {"includeTrailingDelimiter": "true"}}),
    "a glob and folders": ("GET", "b/{b}/o", {"params": {"matchGlob": "*", "delimiter": "/"}}),
    "access lists": ("POST", "b/{b}/o/a/copyTo/b/{b}/o/c", {"params": {"destinationPredefinedAcl": "publicRead"}}),
    "a bucket's access lists": ("POST", "b", {"params": {"predefinedAcl": "publicRead"}}),
    "a tag where no tag counts": ("POST", "b/{b}/o/c/compose", {"headers": {"if-match": "x"}}),
    "an encryption key of one's own": ("GET", "b/{b}/o/a", {"headers": {"x-goog-encryption-algorithm": "AES256"}}),
    "another storage class": ("PATCH", "b/{b}/o/a", {"json": {"storageClass": "NEARLINE"}}),
    "a hold": ("PATCH", "b/{b}/o/a", {"json": {"temporaryHold": True}}),
    "a time of one's own": ("PATCH", "b/{b}/o/a", {"json": {"customTime": "2030-01-01T00:00:00Z"}}),
    "retention": ("PATCH", "b/{b}/o/a", {"json": {"retention": {"mode": "Locked"}}}),
}  # fmt: skip


@pytest.mark.parametrize("reason", UNSERVED)
def test_what_has_no_effect_here_is_refused_by_name(plain: Plain, reason: str) -> None:
    method, path, options = UNSERVED[reason]
    plain.put("a", b"one")
    before = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o/a")

    response = httpx.request(
        method, f"{plain.url}/storage/v1/{path.replace('{b}', plain.bucket)}", timeout=60, **options
    )

    named = next(iter(next(iter(options.values()))))
    assert response.status_code == 501, response.text
    assert named in response.json()["error"]["message"]
    assert plain.ok("GET", f"storage/v1/b/{plain.bucket}/o/a") == before


@pytest.mark.parametrize("query", [{"kmsKeyName": "k"}, {"predefinedAcl": "publicRead"}])
@pytest.mark.parametrize("kind", ["media", "resumable"])
def test_an_upload_that_wants_more_than_is_served_is_refused(
    plain: Plain, kind: str, query: dict[str, str]
) -> None:
    plain.put("anchor", b"")
    params = {"uploadType": kind, "name": "a", **query}

    response = plain.call("POST", f"upload/storage/v1/b/{plain.bucket}/o", params=params, content=b"")

    assert response.status_code == 501


def test_a_condition_on_an_upload_in_parts_is_refused(plain: Plain) -> None:
    plain.put("anchor", b"")

    answer = httpx.post(f"{plain.url}/{plain.bucket}/o?uploads", headers={"x-goog-if-generation-match": "0"})

    assert (answer.status_code, "<Code>NotImplemented</Code>" in answer.text) == (501, True)


def test_what_is_switched_off_may_be_said(plain: Plain) -> None:
    plain.put("a", b"")

    plain.ok("GET", f"storage/v1/b/{plain.bucket}/o?softDeleted=false")
    plain.ok(
        "PATCH", f"storage/v1/b/{plain.bucket}/o/a", {"temporaryHold": False, "storageClass": "STANDARD"}
    )


def test_no_bucket_keeps_old_generations_so_all_of_them_are_the_live_ones(plain: Plain) -> None:
    plain.put("a", b"one")
    live = plain.put("a", b"two")

    listed = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o?versions=true")

    assert [item["generation"] for item in listed["items"]] == [live["generation"]]


def test_a_deletion_answers_with_nothing(plain: Plain) -> None:
    plain.put("a", b"")

    for place in (f"b/{plain.bucket}/o/a", f"b/{plain.bucket}"):
        answer = plain.call("DELETE", f"storage/v1/{place}")
        assert (answer.status_code, answer.content) == (204, b"")
