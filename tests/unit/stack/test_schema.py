"""The schemas of stack files: current, true to every file in the repository, and able to refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.support.stack import REPOSITORY
from vertex_tuning.specs import ServiceSpec
from vertex_tuning.stack.files import read_mapping
from vertex_tuning.stack.schema import MODELS, describe, shared_schema, stack_schema

STACKS = REPOSITORY / "stacks"
OWN = sorted(STACKS.glob("Pulumi.*.yaml"))
SHARED = sorted([STACKS / "defaults.yaml", *STACKS.glob("teams/*.yaml"), *STACKS.glob("environments/*.yaml")])
STACK = Draft202012Validator(stack_schema())
PARTS = Draft202012Validator(shared_schema())


def problems(validator: Draft202012Validator, value: Any) -> list[str]:
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]


@pytest.mark.parametrize(("name", "schema"), [("schema", STACK), ("shared.schema", PARTS)])
def test_the_committed_schemas_are_current(name: str, schema: Draft202012Validator) -> None:
    committed = json.loads((STACKS / f"{name}.json").read_text())
    assert committed == schema.schema, "run: vertex-tuning schema [--shared], as its help says"
    Draft202012Validator.check_schema(committed)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_the_stack_files_fit(path: Path) -> None:
    assert problems(STACK, read_mapping(path)) == []


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.name)
def test_the_shared_files_fit(path: Path) -> None:
    assert problems(PARTS, read_mapping(path)) == []


@pytest.mark.parametrize("path", [*OWN, *SHARED], ids=lambda path: path.name)
def test_editors_find_the_schema(path: Path) -> None:
    _, _, named = path.read_text().splitlines()[0].partition("$schema=")
    wanted = "schema.json" if path in OWN else "shared.schema.json"
    assert (path.parent / named).resolve() == STACKS / wanted


GOOD = {"vertex-tuning:team": "search", "vertex-tuning:environment": "dev"}
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("a team is missing", {"vertex-tuning:environment": "dev"}),
    ("an unknown key of ours", {**GOOD, "vertex-tuning:regoin": "us-central1"}),
    ("an unknown region", {**GOOD, "vertex-tuning:region": "us-centrl1"}),
    ("text for a choice", {**GOOD, "vertex-tuning:wait": "no"}),
    ("no bucket", {**GOOD, "vertex-tuning:output_uri": "s3://x"}),
    ("a label's key", {**GOOD, "vertex-tuning:labels": {"Team": "x"}}),
    ("outside a closed set", {**GOOD, "vertex-tuning:prerequisites": "create"}),
    ("services are a list", {**GOOD, "vertex-tuning:services": {"name": "x"}}),
]
WRONG_SERVICES: list[tuple[str, dict[str, Any]]] = [
    ("a service has a name", {"serve": False}),
    ("an unknown key", {"name": "x1", "tunning": {}}),
    ("an unknown model", {"name": "x1", "tuning": {"base_model": "llama"}}),
    ("below the least", {"name": "x1", "tuning": {"epochs": 0}}),
    ("a fraction", {"name": "x1", "tuning": {"epochs": 1.5}}),
    ("zero is no rate", {"name": "x1", "tuning": {"learning_rate": 0}}),
    ("an unknown adapter size", {"name": "x1", "tuning": {"adapter_size": 5}}),
    ("an unknown machine", {"name": "x1", "serving": {"machine_type": "g2"}}),
    ("above the most", {"name": "x1", "serving": {"autoscaling_target": 101}}),
    ("an unknown key deep inside", {"name": "x1", "serving": {"scale_to_zero": {"idle": 3}}}),
]


@pytest.mark.parametrize(("why", "config"), WRONG, ids=[case[0] for case in WRONG])
def test_wrong_stack_files_are_refused(why: str, config: dict[str, Any]) -> None:
    assert problems(STACK, {"config": config}), why


@pytest.mark.parametrize(("why", "service"), WRONG_SERVICES, ids=[case[0] for case in WRONG_SERVICES])
def test_wrong_services_are_refused_in_both_kinds_of_files(why: str, service: dict[str, Any]) -> None:
    assert problems(STACK, {"config": {**GOOD, "vertex-tuning:services": [service]}}), why
    assert problems(PARTS, {"services": [service]}), why


TOLD = [
    ({"vertex-tuning:regoin": "us-central1"}, "config/vertex-tuning:regoin", "should not be valid"),
    ({"vertex-tuning:wait": "no"}, "config/vertex-tuning:wait", "'no' is not of type 'boolean'"),
    ({"tuning": {"epochs": 0}}, "tuning/epochs", "0 is less than the minimum of 1"),
    ({"tuning": {"base_model": "llama"}}, "tuning/base_model", "'llama' does not match"),
    ({"serving": {"canary": {"steps": [100]}}}, "serving/canary/steps/0", "100 is greater than the maximum"),
    ({"serving": {"scale_to_zero": {"idle": 3}}}, "serving/scale_to_zero", "'idle' was unexpected"),
]


@pytest.mark.parametrize(("wrong", "place", "told"), TOLD, ids=[case[1] for case in TOLD])
def test_the_best_match_names_the_place_and_what_is_known(
    wrong: dict[str, Any], place: str, told: str
) -> None:
    ours = "config" in place
    config = {**GOOD, **wrong} if ours else {**GOOD, "vertex-tuning:services": [{"name": "x1", **wrong}]}
    found = best_match(STACK.iter_errors({"config": config}))
    assert found is not None
    below = place if ours else f"config/vertex-tuning:services/0/{place}"
    assert "/".join(map(str, found.absolute_path)) == below
    assert told in found.message


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("Pulumi's and other providers' keys", {"gcp:project": "x", "pulumi:tags": {"a": "b"}}),
    ("one former name, not in a list", {"vertex-tuning:services": [{"name": "x1", "renamed_from": "y1"}]}),
    (
        "null takes a shared value away",
        {"vertex-tuning:services": [{"name": "x1", "tuning": {"adapter_size": None}}]},
    ),
]


@pytest.mark.parametrize(("why", "config"), RIGHT, ids=[case[0] for case in RIGHT])
def test_what_is_right_is_not_refused(why: str, config: dict[str, Any]) -> None:
    file = {"config": {**GOOD, **config}, "encryptionsalt": "v1:x", "secretsprovider": "gcpkms://y"}
    assert problems(STACK, file) == [], why


def test_the_team_stands_in_the_stacks_own_file_only() -> None:
    assert problems(PARTS, {"team": "search"})
    assert problems(PARTS, None) == [], "a shared file may be empty"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_says_what_it_is(model: type[ServiceSpec]) -> None:
    told = describe(model)
    assert [name for name in model.model_fields if not told.get(name)] == [], "add it to Attributes"
    assert told.keys() <= model.model_fields.keys(), "and nothing else is told of"
