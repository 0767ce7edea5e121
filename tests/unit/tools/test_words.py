"""Plain words are checked: each banned phrase is found with its line, and so is a wrong reference to a decision."""

import re

import pytest

from tools.lint import words

BANNED = {re.compile(r"\bamid\b", re.IGNORECASE): "during"}
CASES = [
    ("one\nAmid it\n", ["2: 'Amid': write instead: during"], "found with its line, in any case"),
    ("amidst\n", [], "a part of another word"),
    ("see DECISIONS.md#one-lock\n", [], "a heading that exists"),
    (
        "see DECISIONS.md#gone\n",
        ["1: 'DECISIONS.md#gone': no such heading in DECISIONS.md"],
        "a heading that does not",
    ),
    ("see DECISIONS 62\n", ["1: 'DECISIONS 62': no such heading in DECISIONS.md"], "numbers change"),
]


@pytest.mark.parametrize(("text", "found", "why"), CASES, ids=[case[2] for case in CASES])
def test_a_text(text: str, found: list[str], why: str) -> None:
    assert [*words.problems(text, BANNED, {"one-lock"})] == found, why


def test_every_phrase_is_a_pattern_with_a_replacement() -> None:
    assert all(better for better in words.phrases().values())


def test_headings_are_anchors_as_github_makes_them() -> None:
    assert words.headings("### `global` with one fallback region\n") == {"global-with-one-fallback-region"}
