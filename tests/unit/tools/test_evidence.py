"""docs/evidence.md names for each rule the tests that hold it."""

import sys

import pytest

from tests.support.stack import REPOSITORY

sys.path.insert(0, str(REPOSITORY))

from tests.evidence.rules import RULES, Rule
from tools.pages import evidence

MARKS = [*evidence.marks()]


def test_every_id_is_used_once() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_every_mark_names_a_rule_and_a_side() -> None:
    known = {rule.id for rule in RULES}
    wrong = [mark for mark in MARKS if mark.rule not in known or mark.side not in evidence.SIDES]
    assert wrong == []


ONE_SIDE = {
    "storage.match-glob": "the plugin lists by prefix only",
    "prices.list": "the service serves no list prices",
}
"""Rules that concern one side alone, each with the reason."""


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_rule_is_held_on_both_sides(rule: Rule) -> None:
    held = {mark.side for mark in MARKS if mark.rule == rule.id}

    both = {"service", "plugin"} <= held
    assert both or (held and rule.id in ONE_SIDE), f"{rule.id}: {held or 'no test'}"


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_every_rule_has_a_case_on_a_real_project_or_the_reason_why_not(rule: Rule) -> None:
    cases = [mark.test for mark in MARKS if (mark.rule, mark.side) == (rule.id, "contract")]

    assert bool(cases) is not bool(rule.no_case), f"{rule.id}: {cases or 'no case'}, no_case={rule.no_case!r}"
    assert all(test.startswith("contract/test_suite_") for test in cases)
