"""Mistakes that meet: in one service, between services, and in what services share."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.stack_values import load, problems, service, stack


def test_several_mistakes_in_one_service(data: Path) -> None:
    written = {
        "epochs": 0,
        "adapter_size": 5,
        "learning_rate": 1.0,
        "learning_rate_multiplier": 1.0,
        "mode": "X",
    }
    found = problems(
        stack(data, service(data, tuning=written, serving={"min_replicas": 2, "max_replicas": 1}))
    )
    assert len(found) == 5, found


COMBINED: list[tuple[dict[str, Any], list[str], str]] = [
    (
        {"serving": {"machine_type": "a2-highgpu-1g"}},
        ["serving.accelerator_type", "serving.accelerator_count"],
        "what is missing is told, not a default that nobody wrote",
    ),
    (
        {"serving": {"accelerator_count": 2}},
        ["serving.machine_type", "serving.accelerator_type"],
        "the same from the other end",
    ),
    (
        {"serving": {"machine_type": "a2-highgpu-1g", "min_replicas": 3, "max_replicas": 2}},
        ["serving.max_replicas", "serving.accelerator_type", "serving.accelerator_count"],
        "a rule over several keys hides none of the others",
    ),
    (
        {"serving": {"machine_type": "g2", "accelerator_count": 0}},
        ["serving.machine_type", "serving.accelerator_type", "serving.accelerator_count"],
        "a wrong part and a missing one",
    ),
    (
        {"tuning": {"mode": "FULL", "adapter_size": 3}},
        ["tuning.adapter_size", "tuning.mode"],
        "mending the size would only bring up the mode",
    ),
    (
        {"tuning": {"learning_rate": 0, "learning_rate_multiplier": 1}},
        ["tuning.learning_rate", "tuning.learning_rate_multiplier"],
        "mending the rate would only bring up the multiplier",
    ),
]


@pytest.mark.parametrize(("written", "where", "why"), COMBINED, ids=[case[2] for case in COMBINED])
def test_mistakes_that_meet_are_told_together(
    data: Path, written: dict[str, Any], where: list[str], why: str
) -> None:
    found = problems(stack(data, service(data, **written)))
    assert [line.partition(": ")[0] for line in found] == [f"services[0].{key}" for key in where], why


def test_names_are_used_once(data: Path) -> None:
    [found] = problems(stack(data, service(data), service(data)))
    assert found.startswith("services[1].name: ")
    assert "twice" in found


RENAMES: list[tuple[list[dict[str, Any]], list[int], str]] = [
    ([{"name": "new", "renamed_from": "old"}], [], "a renamed service"),
    ([{"name": "new", "renamed_from": ["old", "older"]}], [], "renamed twice"),
    ([{"name": "old", "renamed_from": ["old", "new"]}], [], "renamed there and back"),
    (
        [{"name": "old"}, {"name": "new", "renamed_from": "old"}],
        [1],
        "the old name is still declared: whose would its endpoint be?",
    ),
    (
        [{"name": "new", "renamed_from": "old"}, {"name": "newer", "renamed_from": "old"}],
        [1],
        "two want what one has made",
    ),
    (
        [{"name": "a1", "renamed_from": "b1"}, {"name": "b1", "renamed_from": "a1"}],
        [0, 1],
        "an exchange of names cannot be told apart from none",
    ),
]


@pytest.mark.parametrize(("written", "wrong", "why"), RENAMES, ids=[case[2] for case in RENAMES])
def test_what_was_made_under_a_name_has_one_owner(
    data: Path, written: list[dict[str, Any]], wrong: list[int], why: str
) -> None:
    values = stack(data, *(service(data, **each) for each in written))
    if not wrong:
        assert len(load(values, {}, Path.cwd()).services) == len(written), why
        return
    found = problems(values)
    assert [line.partition(": ")[0] for line in found] == [f"services[{at}].renamed_from" for at in wrong]
    assert all("has, or had, the name" in line for line in found)


def test_a_wrong_default_is_told_once(data: Path) -> None:
    found = problems(stack(data, service(data, name="one"), service(data, name="two"), region="nowhere"))
    assert [line.split(":")[0] for line in found] == ["region"]


def test_a_wrong_shared_label_is_told_once(data: Path) -> None:
    services = [service(data, name="one"), service(data, name="two", labels={"Own": "x"})]
    found = problems(stack(data, *services, labels={"Shared": "x"}, team="No Team"))
    assert [line.partition(": ")[0] for line in found] == ["team", "labels.Shared", "services[1].labels.Own"]


def test_a_missing_default_is_told_once(data: Path) -> None:
    values = {key: value for key, value in stack(data, service(data)).items() if key != "project"}
    assert problems(values) == ["project: is missing"]
