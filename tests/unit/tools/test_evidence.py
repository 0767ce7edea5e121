"""docs/evidence.md names for each rule the tests that hold it."""

import sys

from tests.support.stack import REPOSITORY

sys.path.insert(0, str(REPOSITORY))

from tests.evidence.rules import RULES
from tools import evidence


def test_the_page_is_up_to_date() -> None:
    assert evidence.TARGET.read_text() == evidence.page(), "run: python -m tools.evidence"


def test_every_id_is_used_once() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_every_mark_names_a_rule_and_a_side() -> None:
    known = {rule.id for rule in RULES}
    wrong = [mark for mark in evidence.marks() if mark.rule not in known or mark.side not in evidence.SIDES]
    assert wrong == []
