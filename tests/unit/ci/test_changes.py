"""Edits, progress and drift, told apart by what the state held before the refresh."""

import json
import re
from typing import Any

import pytest

from tools.ci.changes import Change, Kind, changes
from tools.ci.texts import failure, issue, preview
from vertex_tuning.engine import unsettled
from vertex_tuning.report import Preview, read_preview

URN = "urn:pulumi:dev::vertex-tuning::vertex-tuning:index:TunedModelService$pulumi-python:dynamic/vertex:Endpoint::e"


def steps(
    operation: str, before: dict[str, Any] | None, wanted: dict[str, Any] | None
) -> list[dict[str, Any]]:
    refresh = [{"op": "refresh", "urn": URN, "oldState": before}] if before else []
    return [*refresh, {"op": operation, "urn": URN, "newState": wanted}]


def state(phase: str | None = None, **inputs: Any) -> dict[str, Any]:
    return {
        "type": "pulumi-python:dynamic/vertex:Endpoint",
        "inputs": inputs,
        "outputs": {"phase": phase} if phase else {},
    }


def previewed(steps: list[dict[str, Any]], **more: Any) -> Preview:
    return read_preview(json.dumps({"steps": steps, **more}).encode())


CASES = [
    ("in no state yet", "create", None, state(a=1), Kind.EDIT, ()),
    ("in no file any more", "delete", state("ready", a=1), None, Kind.EDIT, ()),
    ("another input", "update", state("ready", a=1), state(a=2), Kind.EDIT, ("a",)),
    ("another input, under way", "update", state("running", a=1), state(a=2), Kind.EDIT, ("a",)),
    ("a new input", "replace", state("ready"), state(b=1), Kind.EDIT, ("b",)),
    ("the same, under way", "update", state("blocked", a=1), state(a=1), Kind.PROGRESS, ()),
    ("the same, was ready", "update", state("ready", a=1), state(a=1), Kind.DRIFT, ()),
    ("gone behind our back", "create", state("ready", a=1), state(a=1), Kind.DRIFT, ()),
    ("of another provider", "update", state(a=1), state(a=1), Kind.DRIFT, ()),
    ("another SDK", "update", state("ready", __provider="x"), state(__provider="y"), Kind.DRIFT, ()),
]


@pytest.mark.parametrize(
    ("why", "operation", "before", "wanted", "kind", "keys"), CASES, ids=[case[0] for case in CASES]
)
def test_why_a_resource_changes(
    why: str,
    operation: str,
    before: dict[str, Any] | None,
    wanted: dict[str, Any] | None,
    kind: Kind,
    keys: tuple[str, ...],
) -> None:
    [found] = changes(previewed(steps(operation, before, wanted)))
    assert (found.kind, found.keys) == (kind, keys), why
    assert found.resource == "Endpoint e"


ENDS = [
    ("pending", "failed", Kind.FAILED, "ended without success since the last look"),
    ("failed", "lost", Kind.FAILED, "and is gone now"),
    ("failed", "ready", Kind.PROGRESS, "what was missing is there now"),
    ("pending", "partial", Kind.PROGRESS, "its next step is ours"),
    ("ready", "failed", Kind.DRIFT, "somebody broke what was ready"),
]


@pytest.mark.parametrize(("before", "now", "kind", "why"), ENDS, ids=[case[3] for case in ENDS])
def test_what_a_look_finds_of_what_was_under_way(before: str, now: str, kind: Kind, why: str) -> None:
    look = {"op": "refresh", "urn": URN, "oldState": state(before, a=1), "newState": state(before, a=1)}
    step = {"op": "update", "urn": URN, "oldState": state(now, a=1), "newState": state(a=1)}
    [found] = changes(previewed([look, step]))
    assert found.kind is kind, why


def test_an_issue_says_how_to_mend_what_it_is_about() -> None:
    failed = Change(Kind.FAILED, "update", "TunedModel tickets-model", says="tuning job 7 failed")
    title, text = issue("search-dev", [failed])
    assert title == "Failed in search-dev"
    assert "tuning job 7 failed" in text
    assert "raise `tuning.attempt`" in text
    assert issue("search-dev", [Change(Kind.DRIFT, "update", "x")])[0] == "Drift in search-dev"


def test_what_stays_is_no_change() -> None:
    assert changes(previewed(steps("same", state("ready"), state()))) == []


def test_what_the_plugin_says_is_told_once() -> None:
    said = [{"urn": URN, "message": "bills\n 1 x L4"}] * 2
    [found] = changes(previewed(steps("create", None, state()), diagnostics=said))
    assert found.says == "bills 1 x L4"


def test_who_is_on_the_way() -> None:
    outputs = {"b": {"settled": False}, "a": {"settled": False}, "c": {"settled": True}, "d": "text"}
    assert unsettled(outputs) == ["a", "b"]


def test_a_comment_says_why_first() -> None:
    found = [
        Change(Kind.EDIT, "update", "TuningJob tickets-job", ("epochs",), "pays for | tuning"),
        Change(Kind.DRIFT, "update", "Endpoint tickets-endpoint"),
    ]
    text = preview("search-dev", found)
    assert text.startswith("### `search-dev`: 2 update\n\n**Edits of files**")
    assert "| update | TuningJob tickets-job | `epochs` | pays for \\| tuning |" in text
    assert "**Changed outside Pulumi**" in text
    assert preview("search-dev", []) == "### `search-dev`: nothing changes\n"


def test_an_error_cannot_leave_its_block() -> None:
    assert failure("s", "a ``` b").splitlines()[2] == "````"


def test_what_somebody_wrote_cannot_leave_its_cell_or_call_anyone() -> None:
    text = preview("s", [Change(Kind.EDIT, "update", "Endpoint e", ("a|`b",), "ask @acme/platform\n| x |")])
    [row] = [line for line in text.splitlines() if line.startswith("| update")]
    assert "@acme" not in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 5, "four cells"
