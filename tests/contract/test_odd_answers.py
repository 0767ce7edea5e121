"""An answer that says nothing of what a call has made: it is looked for after a pause, and never made twice.

Each call that makes something, with each kind of odd answer, through the plugin's own resources and real HTTP.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.declared import REGION, planned, spec_of, write_examples
from tests.support.emulator import RunningEmulator
from tests.support.mini_engine import MiniEngine
from tests.support.plain import FAKE_WEIGHTS, Plain
from vertex_tuning.lifecycle import process
from vertex_tuning.plan import ServicePlan
from vertex_tuning.specs import ServiceSpec

GRACE = 2
HTML = "<!DOCTYPE html><html><title>Sign in</title></html>"
ELSEWHERE = "projects/other/locations/europe-west4/{}/1"
ODD = {
    "HTML": (HTML, "text/html"),
    "nothing": ("", "application/json"),
    "truncated JSON": ('{"name": "projects/p/loc', "application/json"),
    "a list": ("[]", "application/json"),
    "a name of another type": ('{"name": 5}', "application/json"),
    "no name": ("{}", "application/json"),
    "a name of another place": (json.dumps({"name": ELSEWHERE}), "application/json"),
}


class Call(NamedTuple):
    """A call that makes something.

    Attributes:
        path: what is searched for in its path.
        kind: the collection of what it answers with.
        service: how a service is declared that needs the call.
    """

    path: str
    kind: str
    service: dict[str, Any]


PRIVATE = {"private_service_connect": ["consumer-project"]}
AS_ACCOUNT = {"service_account": "server@test-project.iam.gserviceaccount.com"}
CALLS = {
    "submit a tuning job": Call(r"/tuningJobs(\?|$)", "tuningJobs", {"serve": False}),
    "deploy weights": Call(r":deploy(\?|$)", "operations", {}),
    "create an endpoint": Call(r"/endpoints(\?|$)", "operations", {"serving": PRIVATE}),
    "register a model": Call(r"/models:upload", "operations", {"serving": AS_ACCOUNT}),
    "deploy a model": Call(r":deployModel", "operations", {"serving": AS_ACCOUNT}),
}


@pytest.fixture
def said(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the user reads; the plugin is connected to the embedded service and looks often."""
    lines: list[str] = []
    monkeypatch.setenv("VERTEX_TUNING_ENDPOINT", emulator.url)
    monkeypatch.setenv("VERTEX_TUNING_GRACE_SECONDS", str(GRACE))
    monkeypatch.setenv("VERTEX_TUNING_POLL_SECONDS", "0.3")
    monkeypatch.setattr(process, "say", lambda _urn, text, **_: lines.append(text))
    yield lines
    emulator.admin.clear_faults()


def declared(plain: Plain, folder: Path, call: Call) -> ServicePlan:
    """A service that makes the call: one that tunes, or one that serves given weights."""
    plain.put("here", b"")
    place = {"project": plain.project, "output_uri": f"gs://{plain.bucket}/out", **call.service}
    if call.kind == "tuningJobs":
        return planned(spec_of(write_examples(folder / "train.jsonl"), **place))
    for name, content in FAKE_WEIGHTS.items():
        plain.put(f"weights/{name}", content)
    weights = {"artifacts_uri": f"gs://{plain.bucket}/weights"}
    return planned(ServiceSpec.model_validate({"name": "tickets", "region": REGION, **place, **weights}))


def made(emulator: RunningEmulator, plain: Plain, call: Call, since: int) -> tuple[int, int]:
    """How often the call was made, and how much that bills or has a name is there."""
    entries = emulator.admin.requests(since)
    calls = sum(
        entry["method"] == "POST"
        and plain.project in entry["path"]
        and re.search(call.path, entry["path"]) is not None
        for entry in entries
    )
    if call.kind == "tuningJobs":
        return calls, len(plain.vertex("GET", "/tuningJobs").get("tuningJobs", []))
    endpoints = plain.vertex("GET", "/endpoints").get("endpoints", [])
    return calls, sum(len(endpoint.get("deployedModels", [])) for endpoint in endpoints)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", CALLS)
def test_what_an_odd_answer_hides_is_found(
    emulator: RunningEmulator, plain: Plain, said: list[str], tmp_path: Path, name: str, odd: str
) -> None:
    call, (body, content_type) = CALLS[name], ODD[odd]
    plan, since = declared(plain, tmp_path, call), emulator.admin.last_request()
    emulator.admin.fault(
        f"{plain.project}/.*{call.path}|{plain.project}{call.path}",
        "odd_answer",
        method="POST",
        body=body.replace("{}", call.kind) if ELSEWHERE in body else body,
        content_type=content_type,
    )

    ran = MiniEngine().up(plan)

    assert ran.ok, ran.failed
    calls, there = made(emulator, plain, call, since)
    assert there == 1
    # What has a name of ours is asked for again, because that makes nothing a second time.
    assert calls == 1 or name in ("create an endpoint", "register a model")


@pytest.mark.parametrize("name", ["submit a tuning job", "deploy weights", "deploy a model"])
def test_what_was_not_made_is_made_after_the_time_in_which_it_would_show(
    emulator: RunningEmulator, plain: Plain, said: list[str], tmp_path: Path, name: str
) -> None:
    call = CALLS[name]
    plan, since = declared(plain, tmp_path, call), emulator.admin.last_request()
    emulator.admin.fault(
        f"{plain.project}.*{call.path}", "odd_answer", method="POST", body=HTML, effect=False
    )

    ran = MiniEngine().up(plan)

    assert ran.ok, ran.failed
    assert made(emulator, plain, call, since) == (2, 1)
    assert any("looking for" in line for line in said), "the user reads what is waited for"


@pytest.mark.parametrize("name", ["submit a tuning job", "deploy weights", "deploy a model"])
def test_calls_without_an_answer_have_a_bound(
    emulator: RunningEmulator, plain: Plain, said: list[str], tmp_path: Path, name: str
) -> None:
    call = CALLS[name]
    plan, since = declared(plain, tmp_path, call), emulator.admin.last_request()
    emulator.admin.fault(
        f"{plain.project}.*{call.path}", "odd_answer", method="POST", body="{}", effect=False, times=None
    )

    ran = MiniEngine().up(plan)

    [why] = [text for text in ran.failed.values() if text != "not reached"]
    assert "was asked 3 times" in why
    assert "never said what came of it" in why
    assert made(emulator, plain, call, since) == (3, 0)
