"""The report as Markdown for a pull request's comment, never longer than the host allows."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from . import words
from .model import Report, Risk, Service, Severity

COMMENT_LIMIT = 65_536
"""Characters that GitHub takes in one comment."""
_ROOM = 300  # for the lines that say what was left out
_SMALL = 6  # changes that are shown without folding
_MOST_RISKS, _MOST_ROWS, _MOST_LINES = 20, 100, 40
_SIGNS = {Severity.HIGH: "🔴", Severity.MEDIUM: "🟠", Severity.LOW: "⚪"}
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")


def markdown(report: Report, limit: int = COMMENT_LIMIT) -> str:
    """Risks first, then a line a service, then the reasons: open if they are few, folded if they are many."""
    head = "\n".join(_head(report)) + "\n"
    few = sum(len(service.changes) + len(service.data) for service in report.services) <= _SMALL
    left, shown = limit - len(head) - _ROOM, list[str]()
    for service in report.services:
        section = "\n".join(_section(service, fold=not few)) + "\n"
        if len(section) > left:
            continue
        shown.append(section)
        left -= len(section)
    missing = len(report.services) - len(shown)
    if missing:
        shown.append(
            f"\n_The reasons of {missing:,} services are left out: the comment would be too long._\n"
        )
    return head + "".join(shown)


def _head(report: Report) -> Iterator[str]:
    stack = f"{code(report.stack)}: " if report.stack else ""
    yield f"### {stack}{words.headline(report)}"
    if report.errors:
        yield ""
        yield from _capped([f"- ❌ {text(error)}" for error in report.errors], _MOST_RISKS, "errors")
    if report.risks:
        yield ""
        yield from _capped([_risk(risk) for risk in report.risks], _MOST_RISKS, "risks")
    if report.services:
        yield ""
        yield "| service | | trains | downtime | once | a month |"
        yield "| --- | --- | --- | --- | --- | --- |"
        rows = [_row(service, report.currency) for service in report.services]
        yield from rows[:_MOST_ROWS]
        if len(rows) > _MOST_ROWS:
            yield f"| and {len(rows) - _MOST_ROWS:,} more services | | | | | |"
    totals = words.totals(report)
    if report.services and totals:
        yield ""
        yield "  \n".join(f"**{name}**: {text(told)}" for name, told in totals)
    if report.others:
        yield ""
        told = [f"{count} x {code(what)}" for what, count in sorted(report.others.items())]
        yield f"Other resources: {', '.join(told[:_MOST_RISKS])}" + (
            f" and {len(told) - _MOST_RISKS:,} more kinds" if len(told) > _MOST_RISKS else ""
        )


def _risk(risk: Risk) -> str:
    return f"- {_SIGNS[risk.severity]} **{risk.severity.word}** {code(risk.service)}: {text(risk.text)}"


def _row(service: Service, currency: str) -> str:
    cells = (
        code(service.name),
        service.verb.value,
        service.training.value,
        service.downtime.value,
        text(words.paid_once(service, currency)),
        text(words.a_month(service, currency)),
    )
    return f"| {' | '.join(cells)} |"


def _section(service: Service, *, fold: bool) -> Iterator[str]:
    title = f"{service.name}: {', '.join(service.steps[:8])}" + (" …" if len(service.steps) > 8 else "")
    yield ""
    if fold:
        yield f"<details><summary>{html.escape(_one_line(title))}</summary>"
    else:
        yield f"**{text(service.name)}**: {text(', '.join(service.steps))}"
    yield ""
    if service.changes:
        yield "| edit | before | after | means |"
        yield "| --- | --- | --- | --- |"
        yield from _capped(
            [
                f"| {code(edit.key)} | {code(edit.before)} | {code(edit.after)} | {edit.means}"
                f"{', changed outside' if edit.outside else ''} |"
                for edit in service.changes
            ],
            _MOST_LINES,
            "edits",
        )
        yield ""
    for data in service.data:
        more = words.lines(data)
        yield f"- {code(data.key)}, {code(data.source)}: {words.counted(data)}" + (
            f"; {text(more)}" if more else ""
        )
    yield from _capped([f"- {text(note)}" for note in service.notes], _MOST_LINES, "notes")
    if fold:
        yield ""
        yield "</details>"


def _capped(lines: Sequence[str], most: int, what: str) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"\n_and {len(lines) - most:,} more {what}_"


def text(value: str) -> str:
    """User's text as text: no markup, no mention, no reference, no link comes out of it."""
    plain = html.escape(_one_line(value), quote=False)
    marked = _SPECIAL.sub(r"\\\1", plain)
    return (
        marked.replace("@", "&#64;")
        .replace("#", "&#35;")
        .replace("://", ":&#47;&#47;")
        .replace("&&#35;", "&#")
    )


def code(value: str) -> str:
    """User's text as a code span that it cannot leave, in a table's cell, too."""
    plain = _one_line(value)
    if not plain:
        return "-"
    fence = "`" * (max((len(run) for run in re.findall(r"`+", plain)), default=0) + 1)
    pad = " " if plain[0] == "`" or plain[-1] == "`" else ""
    return f"{fence}{pad}{plain}{pad}{fence}".replace("|", "\\|")


def _one_line(value: str) -> str:
    return " ".join(value.split())
