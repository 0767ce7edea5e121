"""Durations, what counts as unsettled, and whose lock may be taken away."""

import os
import subprocess
from typing import Any

import pytest
import typer

from vertex_tuning.cli.engine import dead_holder, unsettled
from vertex_tuning.cli.reconcile import seconds

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


def test_a_lock_is_taken_away_only_from_a_dead_process_of_this_machine() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert dead_holder({"pid": ended.pid, "hostname": "here"}, "here")
    assert not dead_holder({"pid": ended.pid, "hostname": "elsewhere"}, "here"), "nobody can tell from here"
    assert not dead_holder({"pid": os.getpid(), "hostname": "here"}, "here"), "it lives"
    assert not dead_holder({"hostname": "here"}, "here"), "no word of a process"
