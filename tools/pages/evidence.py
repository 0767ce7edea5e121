"""What is known of the real Vertex AI, and the tests that hold it, from the rules and the tests' marks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.evidence.rules import RULES, Rule

from .markdown import made_from, table

ROOT = Path(__file__).resolve().parents[2]
SIDES = ("service", "plugin", "contract")
INTRODUCTION = f"""\
# Evidence about the real service

{made_from("tests/evidence/rules.py and the marks of the tests")}

No part of this project has run against the real Vertex AI yet. The embedded service follows public
evidence instead, and is stricter where the evidence leaves a choice. Each rule says how we know it:
**documented** by Google, **observed** in a user's trace or error, **inferred** from a type or a client,
**assumed** without any of these.

*Service*: tests in which the embedded service answers or refuses as the rule says. *Plugin*: tests in
which the plugin passes under the rule, or names the problem in a preview. *Contract*: cases that run on
the embedded service in CI, and on a real project once somebody agrees to their cost ("The contract on a real
project" in CONTRIBUTING.md), or why there is none.
"""


class Mark(NamedTuple):
    """A test's claim that it holds a rule."""

    rule: str
    side: str
    test: str


def marks(root: Path = ROOT / "tests") -> Iterator[Mark]:
    """Every mark in the tests, in the order of files; one of a table of cases is of the file's test."""
    for path in sorted(root.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        for node in tree.body:
            members = node.body if isinstance(node, ast.ClassDef) else []
            for each in (node, *members):
                name = f"::{each.name}" if isinstance(each, ast.FunctionDef | ast.ClassDef) else ""
                yield from _in(each, f"{path.relative_to(root)}{name}")


def _in(node: ast.stmt, test: str) -> Iterator[Mark]:
    searched = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else [node]
    for call in (found for each in searched for found in ast.walk(each)):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("mark.evidence"):
            continue
        side = next((ast.literal_eval(word.value) for word in call.keywords if word.arg == "side"), "")
        for rule in call.args:
            yield Mark(ast.literal_eval(rule), side, test)


def page() -> str:
    """docs/evidence.md."""
    found = sorted(marks())
    lines = [INTRODUCTION]
    for subject, rules in groupby(RULES, lambda rule: rule.id.partition(".")[0]):
        rows = (_row(rule, found) for rule in rules)
        lines += ["", f"## {subject.capitalize()}", "", *table(["rule", "evidence", *SIDES], rows)]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _row(rule: Rule, found: list[Mark]) -> Iterator[str]:
    yield rule.says
    yield f"{rule.kind}: {rule.source}, {rule.date}"
    for side in SIDES:
        tests = (f"`{mark.test}`" for mark in found if (mark.rule, mark.side) == (rule.id, side))
        without = f"none: {rule.no_case}" if side == "contract" else "none"
        yield "<br>".join(dict.fromkeys(tests)) or without
