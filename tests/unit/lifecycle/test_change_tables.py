"""Every input of every kind has one decided consequence, and comparing finds just what differs."""

from typing import Any

import pytest

from vertex_tuning.lifecycle import Change, Provider, compare
from vertex_tuning.lifecycle.provider import PROVIDER_KEY
from vertex_tuning.resources import PROVIDERS

BY_KIND: dict[str, type[Provider[Any]]] = {provider.kind: provider for provider in PROVIDERS}

EVERYWHERE = {
    "service": "a name in messages",
    "owner": "stack and service: another owner is another resource",
    "urn": "where progress is shown",
    "wait": "how long a call takes, not what it makes",
}
# Not in a kind's table, because something that is in it, or nothing outside, changes with them.
FOLLOWS: dict[str, dict[str, str]] = {
    "DeployedModel": {
        "model_id": "a hash of what is in the table",
        "owner_label": "follows the owner",
        "output_uri": "where claims are; the weights' identity is the fingerprint",
    },
    "Endpoint": {
        "owner_label": "follows the owner",
        "output_uri": "where claims are; it holds no data",
    },
    "Readiness": {},
    "TunedModel": {
        "again": "what the job was made of",
        "output_uri": "the weights' identity is the fingerprint",
    },
    "TuningDataset": {
        "region": "a bucket has its own",
        "output_uri": "is in the uri",
        "source": "an unchanged file under a new name is no change",
        "crc32c": "follows the content",
        "generation": "is not declared: an earlier look has found it",
        "format": "follows the content",
        "examples": "follows the content",
        "characters": "follows the content",
        "estimated_tokens": "follows the content",
    },
    "TuningJob": {
        "owner_label": "follows the owner",
        "job_output_uri": "output_uri and fingerprint",
        "training_uri": "the content is in the fingerprint",
        "validation_uri": "the content is in the fingerprint",
    },
}


@pytest.mark.parametrize("kind", BY_KIND)
def test_every_input_has_one_decided_consequence(kind: str) -> None:
    provider = BY_KIND[kind]
    decided, follows = set(provider.changes), set(FOLLOWS[kind]) | set(EVERYWHERE)
    assert decided.isdisjoint(follows), "in the table or following from it, not both"
    assert decided | follows == set(provider.inputs.model_fields)


TABLE = {
    "project": Change.MOVE,
    "fingerprint": Change.RETRAIN,
    "machine": Change.REDEPLOY,
    "labels": Change.IN_PLACE,
    "allowed": Change.IN_PLACE,
    "replicas": Change.IN_PLACE,
    "display_name": Change.NONE,
}
Case = tuple[dict[str, Any], dict[str, Any], tuple[str, ...], tuple[str, ...], str]
CASES: list[Case] = [
    ({"labels": {"a": "b"}}, {"labels": {"a": "b"}}, (), (), "equal is no change"),
    ({"labels": {"a": "b"}}, {"labels": {"a": "c"}}, ("labels",), (), "a value inside a mapping counts"),
    ({"labels": {"a": "b"}}, {"labels": {}}, ("labels",), (), "a key that is gone counts"),
    ({"labels": {"a": None}}, {"labels": {}}, (), (), "inside too, None and nothing are the same"),
    ({"labels": None}, {}, (), (), "None and nothing are the same: Pulumi drops nulls"),
    ({}, {"machine": None}, (), (), "an input that a newer version adds, unset, is no change"),
    ({"replicas": 1}, {"replicas": 1.0}, (), (), "Pulumi hands every number over as a float"),
    ({"allowed": ("a", "b")}, {"allowed": ["a", "b"]}, (), (), "a tuple comes back as a list"),
    ({"allowed": ["a", "b"]}, {"allowed": ["b", "a"]}, ("allowed",), (), "the order of a list counts"),
    ({"allowed": ["a"]}, {"allowed": ["a", "b"]}, ("allowed",), (), "a longer list is another"),
    ({"display_name": "old"}, {"display_name": "new"}, (), (), "what is no difference is left out"),
    ({"urn": "a"}, {"urn": "b"}, (), (), "what is not in the table is left out"),
    ({"project": "a"}, {"project": "b"}, (), ("project",), "a move replaces"),
    ({"fingerprint": "a"}, {"fingerprint": "b"}, (), ("fingerprint",), "a re-train replaces"),
    (
        {"machine": "a", "replicas": 1},
        {"machine": "b", "replicas": 2},
        ("replicas",),
        ("machine",),
        "both kinds at once are told apart",
    ),
    ({PROVIDER_KEY: "a"}, {PROVIDER_KEY: "b"}, (), (), "the pickled provider is no input"),
]


@pytest.mark.parametrize(
    ("before", "after", "in_place", "replacing", "reason"), CASES, ids=[c[4] for c in CASES]
)
def test_comparing(
    before: dict[str, Any],
    after: dict[str, Any],
    in_place: tuple[str, ...],
    replacing: tuple[str, ...],
    reason: str,
) -> None:
    assert compare(TABLE, before, after) == (in_place, replacing), reason


def test_one_edited_input_of_each_kind_does_what_its_table_says() -> None:
    for provider in PROVIDERS:
        for name, change in provider.changes.items():
            found = compare(provider.changes, {name: "old"}, {name: "new"})
            assert found.replacing == ((name,) if change.replaces else ()), (provider.kind, name)
            assert found.in_place == ((name,) if change is Change.IN_PLACE else ()), (provider.kind, name)
