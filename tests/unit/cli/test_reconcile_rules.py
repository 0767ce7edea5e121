"""Durations, what counts as unsettled, which failures may pass, and whose lock may be taken away."""

import json
import os
import subprocess
from typing import Any

import pytest
import typer

from vertex_tuning.cli.reconcile import may_pass, seconds
from vertex_tuning.engine import Lock, Run, errors, locks, of_the_dead, unsettled

DURATIONS = [("90s", 90), ("15m", 900), ("6h", 21600), ("1d", 86400), ("0.5h", 1800)]


@pytest.mark.parametrize(("written", "meant"), DURATIONS)
def test_durations(written: str, meant: float) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["", "6", "6 hours", "-1h", "h", "1h30m"])
def test_other_durations_are_refused(written: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds(written)


OUTPUTS = [
    ({}, [], "nothing is declared"),
    ({"a": {"settled": True}}, [], "all there"),
    ({"a": {"settled": True}, "b": {"settled": False}}, ["b"], "one is on its way"),
    ({"note": "text", "list": [1]}, [], "other outputs of a program are not services"),
]


@pytest.mark.parametrize(("outputs", "left", "why"), OUTPUTS, ids=[case[2] for case in OUTPUTS])
def test_unsettled(outputs: dict[str, Any], left: list[str], why: str) -> None:
    assert unsettled(outputs) == left, why


LOCKED = """error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end \
or delete the lock file with `pulumi cancel`.
  file:///s/.pulumi/locks/organization/p/test/a.json?no_tmp_dir=true: created by me@here (pid 12) at 2026-11-25T00:00:00Z
  gs://b/.pulumi/locks/organization/p/test/b.json: created by ACME\\you@far.example (pid 7) at 2026-11-25T00:00:01Z
"""


def test_the_locks_that_the_engine_names() -> None:
    assert [(lock.hostname, lock.pid) for lock in locks(LOCKED)] == [("here", 12), ("far.example", 7)]
    assert locks("error: no stack named 'x' found") == []


def test_a_lock_is_taken_away_only_from_a_dead_process_of_this_machine() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    folder, bucket = "file:///state/lock.json", "gs://bucket/lock.json"
    assert of_the_dead(Lock(folder, "here", ended.pid), "here")
    assert not of_the_dead(Lock(folder, "elsewhere", ended.pid), "here"), "nobody can tell from here"
    assert not of_the_dead(Lock(bucket, "here", ended.pid), "here"), "who shares a bucket may share a name"
    assert not of_the_dead(Lock(folder, "here", os.getpid()), "here"), "it lives"


CAPACITY = "NoCapacity: service tickets, DeployedModel: us-central1 is out of capacity"
LOST = "Transient: service tickets, TunedModel: no answer from Google"
FAILED = "NotReady: service tickets, TunedModel: tuning job 1 failed"
ENDS = [
    ([CAPACITY], True, "machines come free"),
    (["QuotaExceeded: service tickets, DeployedModel: L4"], True, "so does quota"),
    ([LOST], True, "an answer comes some day"),
    ([LOST, CAPACITY], True, "two that may pass"),
    ([LOST, FAILED], False, "one is for good, and nobody would hear of it"),
    ([FAILED], False, "a job that failed is not paid for again"),
    (["InvalidRequest: service tickets, TuningJob: epochs"], False, "the same request stays wrong"),
    (["PermissionMissing: service tickets, TuningJob: denied"], False, "a role is missing"),
    (["DeadlinePassed: service tickets, TunedModel: too late"], False, "it was ended on purpose"),
    (["Interrupted: service tickets, TunedModel: stopped waiting"], False, "someone stopped the engine"),
    (["the stack's files are invalid"], False, "not an error of ours"),
    ([], False, "the engine itself failed: a passphrase, a state that is not there"),
]


@pytest.mark.parametrize(("told", "passes", "why"), ENDS, ids=[case[2] for case in ENDS])
def test_what_may_pass(told: list[str], passes: bool, why: str) -> None:  # noqa: FBT001
    assert may_pass(Run(1, tuple(told))) is passes, why


def test_the_errors_among_the_engines_events() -> None:
    def event(severity: str, message: str) -> bytes:
        said = {"urn": "urn:x", "prefix": "error: ", "message": message, "severity": severity}
        return json.dumps({"sequence": 1, "diagnosticEvent": said}).encode() + b"\n"

    events = [
        json.dumps({"sequence": 0, "preludeEvent": {"config": {}}}).encode() + b"\n",
        event("info", "epoch 1/4\n"),
        event("error", f"{LOST}\n\n"),
        event("error", "update failed\n"),
        event("error", "the engine was killed while it wrote this")[:40],
    ]
    assert errors(events) == (LOST,)
