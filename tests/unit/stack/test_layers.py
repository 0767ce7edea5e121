"""What stacks share is laid under their own values, and a mistake is told where it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning.stack import InvalidStack, Stack, load
from vertex_tuning.stack.files import read_mapping
from vertex_tuning.stack.layers import Layer, merge

DATA = '{"prompt": "a", "completion": "b"}\n'
TICKETS = {
    "name": "tickets",
    "tuning": {"base_model": "meta/llama3_1@llama-3.1-8b", "mode": "FULL", "training_data": "train.jsonl"},
}
OWN = {
    "team": "search",
    "environment": "dev",
    "project": "acme-search-dev",
    "region": "us-central1",
    "output_uri": "gs://acme/models",
}


def loaded(tmp_path: Path, own: Mapping[str, Any], **shared: str) -> Stack:
    """The stack ``search-dev`` beside shared files: ``defaults``, ``environments_dev``, ``teams_search``."""
    for name, text in shared.items():
        path = tmp_path / "stacks" / f"{name.replace('_', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "train.jsonl").write_text(DATA)
    return load("search-dev", own, {}, root=tmp_path)


def refused(tmp_path: Path, own: Mapping[str, Any], **shared: str) -> list[str]:
    with pytest.raises(InvalidStack) as error:
        loaded(tmp_path, own, **shared)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


MERGES: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    # (why, layers from the weakest to the strongest, what comes of them)
    ("the stronger value counts", [{"region": "a"}, {"region": "b"}], {"region": "b"}),
    (
        "mappings are joined",
        [{"labels": {"a": "1", "b": "1"}}, {"labels": {"b": "2"}}],
        {"labels": {"a": "1", "b": "2"}},
    ),
    ("null takes a value away", [{"labels": {"a": "1"}}, {"labels": None}], {"labels": None}),
    (
        "services are joined by name, new ones come after",
        [
            {"services": [{"name": "x", "tuning": {"epochs": 1, "mode": "FULL"}}]},
            {"services": [{"name": "y"}, {"name": "x", "tuning": {"epochs": 2}}]},
        ],
        {"services": [{"name": "x", "tuning": {"epochs": 2, "mode": "FULL"}}, {"name": "y"}]},
    ),
    (
        "two of one name in one file stay two, and are refused later",
        [{}, {"services": [{"name": "x"}, {"name": "x"}]}],
        {"services": [{"name": "x"}, {"name": "x"}]},
    ),
    (
        "other lists are replaced: half of two command lines is none",
        [{"services": [{"name": "x", "args": ["a", "b"]}]}, {"services": [{"name": "x", "args": ["c"]}]}],
        {"services": [{"name": "x", "args": ["c"]}]},
    ),
    ("what is no list is left to be refused", [{"services": []}, {"services": "x"}], {"services": "x"}),
]


@pytest.mark.parametrize(("why", "layers", "expected"), MERGES, ids=[case[0] for case in MERGES])
def test_layers(why: str, layers: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    before = repr(layers)
    assert merge([Layer(str(n), values) for n, values in enumerate(layers)]).values == expected, why
    assert repr(layers) == before, "the files' own values stay as they are"


def test_the_order_of_the_files(tmp_path: Path) -> None:
    four = {"labels": {"a": "own"}, **OWN}
    stack = loaded(
        tmp_path,
        four,
        defaults="labels: {a: all, b: all, c: all, d: all}\nwait: false",
        environments_dev="labels: {a: dev, b: dev, c: dev}",
        environments_prod="protect: true",
        teams_search="labels: {a: search, b: search}",
        teams_support="region: nowhere",
    )
    assert stack.settings.labels == {"a": "own", "b": "search", "c": "dev", "d": "all"}
    assert (stack.settings.wait, stack.settings.protect) == (False, False), "other teams' files are not read"


def test_a_service_of_the_team_is_in_each_of_its_stacks(tmp_path: Path) -> None:
    [tickets] = loaded(
        tmp_path,
        {**OWN, "services": [{"name": "tickets", "tuning": {"epochs": 5}}]},
        teams_search="services:\n  - name: tickets\n    tuning: {base_model: meta/llama3_1@llama-3.1-8b, "
        "mode: FULL, training_data: train.jsonl}",
    ).services
    assert tickets.spec.tuning is not None
    assert (tickets.spec.tuning.epochs, tickets.spec.tuning.mode.value) == (5, "FULL")


def service(**tuning: Any) -> dict[str, Any]:
    return {"name": "tickets", "tuning": {**TICKETS["tuning"], **tuning}}  # type: ignore[dict-item]


MISTAKES: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    # (why, own values, shared files, the one line)
    (
        "a wrong value is told where it is written",
        {"services": [TICKETS]},
        {
            "teams_search": "services:\n  - name: other\n    serve: false\n  - {name: tickets, tuning: {epochs: 0}}"
            "\n"
        },
        "stacks/teams/search.yaml: services[1].tuning.epochs: must be at least 1, not 0",
    ),
    (
        "an unknown key, too",
        {"services": [TICKETS]},
        {"defaults": "regoin: x"},
        "stacks/defaults.yaml: regoin: unknown key; did you mean region",
    ),
    (
        "a place in the stack's own file counts in that file",
        {"services": [service(epochs=0)]},
        {"teams_search": "services: [{name: drafts, artifacts_uri: gs://acme/weights}]"},
        "stacks/Pulumi.search-dev.yaml: vertex-tuning:services[0].tuning.epochs: must be at least 1, not 0",
    ),
    (
        "what is missing is missing where the rest stands",
        {"services": [{"name": "tickets", "tuning": {"mode": "FULL", "training_data": "train.jsonl"}}]},
        {},
        "stacks/Pulumi.search-dev.yaml: vertex-tuning:services[0].tuning.base_model: is missing",
    ),
    (
        "bad data are told where the file is named",
        {},
        {
            "teams_search": "services:\n  - name: tickets\n    tuning: {base_model: meta/llama3_1@llama-3.1-8b, "
            "mode: FULL, training_data: gone.jsonl}"
        },
        "stacks/teams/search.yaml: services[0].tuning.training_data: ",
    ),
    (
        "no YAML",
        {},
        {"environments_dev": "wait: [false"},
        "stacks/environments/dev.yaml: line 1, column 13: expected ',' or ']'",
    ),
    ("no mapping", {}, {"defaults": "- wait"}, "stacks/defaults.yaml: must be a mapping, not a list"),
    (
        "a key written twice",
        {},
        {"defaults": "wait: true\nwait: false"},
        "stacks/defaults.yaml: line 2, column 1: the key 'wait' is written twice",
    ),
    (
        "a date is text to us, and no date",
        {},
        {"teams_search": "labels: {since: 2026-11-30}"},
        "stacks/teams/search.yaml: labels.since: must be text, and YAML reads 2026-11-30 as a date: put it in quotes",
    ),
    (
        "a nought in front makes an octal number",
        {},
        {"teams_search": "labels: {centre: 0123}"},
        "stacks/teams/search.yaml: labels.centre: must be text, and YAML reads 0123 as a number: put it in quotes",
    ),
    (
        "colons make a number of base 60",
        {},
        {"teams_search": "labels: {at: 12:30:45}"},
        "stacks/teams/search.yaml: labels.at: must be text, and YAML reads 12:30:45 as a number",
    ),
    (
        "yes is true, in a service too",
        {},
        {"teams_search": "services: [{name: tickets, labels: {trial: yes}}]"},
        "stacks/teams/search.yaml: services[0].labels.trial: must be text, and YAML reads yes as a boolean",
    ),
    (
        "a value that was merged is told where it is merged",
        {},
        {"teams_search": "services:\n  - {name: a, labels: &l {x: 1}}\n  - {name: b, labels: {<<: *l}}"},
        "stacks/teams/search.yaml: services[1].labels.x: must be text, and YAML reads 1 as a number",
    ),
    (
        "on is a truth as a key as well",
        {},
        {"teams_search": "labels: {on: x}"},
        "stacks/teams/search.yaml: line 1, column 10: the key on is not text; put it in quotes",
    ),
    (
        "a mapping that merges itself has no end",
        {},
        {"teams_search": "labels: &l {<<: *l}"},
        "stacks/teams/search.yaml: line 1, column 9: a mapping is merged into itself",
    ),
    (
        "what is merged is a mapping",
        {},
        {"teams_search": "labels: {<<: 3}"},
        "stacks/teams/search.yaml: line 1, column 14: << takes a mapping",
    ),
    (
        "one merge in a mapping, as Pulumi has it",
        {},
        {"teams_search": "labels: {<<: {a: b}, <<: {c: d}}"},
        "stacks/teams/search.yaml: line 1, column 22: the key '<<' is written twice",
    ),
    (
        "the chooser of the files is not in them",
        {},
        {"teams_search": "environment: prod"},
        "stacks/teams/search.yaml: environment: belongs in the stack's own file",
    ),
    (
        "a team's name is a file's name: no way out of the folder",
        {"team": "../../etc"},
        {},
        "stacks/Pulumi.search-dev.yaml: vertex-tuning:team: must be at most 63",
    ),
]


@pytest.mark.parametrize(("why", "own", "shared", "line"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_a_mistake_names_its_file(
    tmp_path: Path, why: str, own: dict[str, Any], shared: dict[str, str], line: str
) -> None:
    told = refused(tmp_path, {**OWN, **own}, **shared)
    assert any(each.startswith(line) for each in told), (why, told)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("2026-11-30 00:00:00 +0000 UTC", "2026-11-30"),
        (83, "0123"),
        (True, "true"),
    ],
    ids=["a date", "an octal number", "a truth"],
)
def test_a_value_of_the_stack_s_own_file_is_told_as_it_is_written(
    tmp_path: Path, given: Any, text: str
) -> None:
    """Pulumi hands over what it has read, and no longer what was written."""
    path = tmp_path / "stacks" / "Pulumi.search-dev.yaml"
    path.parent.mkdir()
    path.write_text(f"config:\n  vertex-tuning:labels: {{a: {text}}}\n")
    [told] = refused(tmp_path, {**OWN, "labels": {"a": given}})
    assert told.startswith(
        "stacks/Pulumi.search-dev.yaml: vertex-tuning:labels.a: must be text, and YAML reads"
    )
    assert told.endswith(f'put it in quotes, "{text}"')


MERGED = [
    ("services:\n  - {name: tickets, tuning: &t {batch_size: 4}}", {"batch_size": 4}, "an anchor alone"),
    (
        "labels: &l {a: b}\nservices:\n  - name: tickets\n    tuning: {<<: {batch_size: 4, epochs: 9}, epochs: 1}",
        {"batch_size": 4, "epochs": 1},
        "what is written wins over what is merged",
    ),
    (
        "services:\n  - name: tickets\n    tuning: {<<: [{batch_size: 4}, {batch_size: 8, epochs: 2}]}",
        {"batch_size": 4, "epochs": 2},
        "of several the first wins",
    ),
]


@pytest.mark.parametrize(("text", "tuning", "why"), MERGED, ids=[case[2] for case in MERGED])
def test_merge_keys_are_taken_as_pulumi_takes_them(
    tmp_path: Path, text: str, tuning: dict[str, Any], why: str
) -> None:
    [found] = loaded(tmp_path, {**OWN, "services": [TICKETS]}, teams_search=text).services
    assert found.spec.tuning is not None
    assert found.spec.tuning.model_dump(include=set(tuning)) == tuning, why


def test_merging_does_not_blow_a_short_file_up(tmp_path: Path) -> None:
    lines = ["a: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60))]
    path = tmp_path / "deep.yaml"
    path.write_text("\n".join(lines))
    assert read_mapping(path)["a59"] == {"x": "y"}


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    told = refused(
        tmp_path,
        {**OWN, "protect": "yes"},
        defaults="wait: 1",
        environments_dev="- x",
        teams_search="labels: {A: b}",
    )
    assert len({line.partition(":")[0] for line in told}) == 4, told


def test_a_file_that_is_no_stack_file_is_not_read_whole(tmp_path: Path) -> None:
    [told] = refused(tmp_path, OWN, defaults="# " + "x" * (1 << 20))
    assert told == "stacks/defaults.yaml: is larger than 1,048,576 bytes"
