"""Every input of every kind has one decided consequence, and comparing finds just what differs."""

from typing import Any

import pytest

from vertex_tuning.lifecycle import EVERY_KIND, Change, Provider, compare
from vertex_tuning.lifecycle.provider import PROVIDER_KEY
from vertex_tuning.resources import PROVIDERS

BY_KIND: dict[str, type[Provider[Any]]] = {provider.kind: provider for provider in PROVIDERS}


@pytest.mark.parametrize("kind", BY_KIND)
def test_every_input_has_one_decided_consequence_and_a_reason(kind: str) -> None:
    provider = BY_KIND[kind]
    assert provider.changes.keys().isdisjoint(EVERY_KIND)
    assert {*provider.changes, *EVERY_KIND} == set(provider.inputs.model_fields)
    assert all(rule.why for rule in provider.changes.values())


TABLE = {
    name: change.because("a made-up table")
    for name, change in {
        "project": Change.MOVE,
        "fingerprint": Change.RETRAIN,
        "machine": Change.REDEPLOY,
        "labels": Change.IN_PLACE,
        "allowed": Change.IN_PLACE,
        "replicas": Change.IN_PLACE,
        "display_name": Change.NONE,
        "content": Change.FOLLOWS,
    }.items()
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
    ({"content": "old"}, {"content": "new"}, (), (), "what follows is told by what it follows"),
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
        for name, (change, _, _) in provider.changes.items():
            found = compare(provider.changes, {name: "old"}, {name: "new"})
            assert found.replacing == ((name,) if change.replaces else ()), (provider.kind, name)
            assert found.in_place == ((name,) if change is Change.IN_PLACE else ()), (provider.kind, name)
