"""The report as Markdown for a pull request's comment, within the host's length limit."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from .. import plain
from . import words
from .model import Report, Risk, Service, Severity

COMMENT_LIMIT = 65_536
"""GitHub's limit of characters in a comment."""
LEAST_LIMIT = 1_000
"""The head without any of its lists fits into this."""
_SMALL = 6  # changes that are shown without folding
_MOST_RISKS, _MOST_ROWS, _MOST_LINES = 20, 100, 40
_LONGEST, _LONGEST_NAME = 500, 64  # of one text, of the stack's name
_SHARES = (1.0, 0.5, 0.25, 0.1, 0.05, 0.0)  # of the head's lists, until it fits
_SIGNS = {Severity.HIGH: "🔴", Severity.MEDIUM: "🟠", Severity.LOW: "⚪"}
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_BEGINS = re.compile(r"^(?:(?=[-+=])|(\d+)(?=[.)](?: |$)))")
"""Characters that would begin or end a list."""
_LIVE = re.compile(
    r"(?<=[@#])|(?<=www)(?=\.)|(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=ftp:)(?=//)|(?<=\bgh)(?=-\d)",
    re.IGNORECASE,
)
"""Where a mention, a reference or a link begins. GitHub searches the rendered text for them, so neither a
backslash nor an entity prevents them (github/cmark-gfm#181); a zero-width space does."""


def markdown(report: Report, limit: int = COMMENT_LIMIT) -> str:
    """Risks, then a line per service, then details: open if few, folded if many.

    No longer than ``limit``, which is ``LEAST_LIMIT`` or more.
    """
    room = limit - len(_left_out(len(report.services)))
    head = _fitting_head(report, room)
    few = sum(len(service.changes) + len(service.data) for service in report.services) <= _SMALL
    left, shown = room - len(head), list[str]()
    for service in report.services:
        section = "\n".join(_section(service, fold=not few)) + "\n"
        if len(section) > left:
            continue
        shown.append(section)
        left -= len(section)
    missing = len(report.services) - len(shown)
    return head + "".join(shown) + (_left_out(missing) if missing else "")


def _fitting_head(report: Report, room: int) -> str:
    head = ""
    for share in _SHARES:
        head = "\n".join(_head(report, share)) + "\n"
        if len(head) <= room:
            break
    return head


def _left_out(services: int) -> str:
    return f"\n_The details of {services:,} services are omitted: the comment would be too long._\n"


def _head(report: Report, share: float) -> Iterator[str]:
    """The part above the details, with this share of its lists' maximum."""
    most_risks, most_rows = int(_MOST_RISKS * share), int(_MOST_ROWS * share)
    stack = f"{code(report.stack, _LONGEST_NAME)}: " if report.stack else ""
    yield f"### {stack}{words.headline(report)}"
    if report.errors:
        yield ""
        yield from _capped([f"- ❌ {text(error)}" for error in report.errors], most_risks, "errors")
        if report.services:
            yield ""
            yield f"_{words.PARTIAL}_"
    if report.risks:
        yield ""
        yield from _capped([_risk(risk) for risk in report.risks], most_risks, "risks")
    if report.services and not report.errors:
        yield ""
        yield "| service | | trains | downtime | once | a month |"
        yield "| --- | --- | --- | --- | --- | --- |"
        rows = [_row(service, report.currency) for service in report.services[:most_rows]]
        yield from rows
        if len(report.services) > len(rows):
            yield f"| and {len(report.services) - len(rows):,} more services | | | | | |"
        yield ""
        yield "  \n".join(f"**{name}**: {text(told)}" for name, told in words.totals(report))
    if report.others:
        yield ""
        told = [f"{count} x {code(what)}" for what, count in sorted(report.others.items())[:most_risks]]
        left = len(report.others) - len(told)
        more = f"{left:,} {'more ' if told else ''}kinds" if left else ""
        yield f"Other resources: {' and '.join(part for part in (', '.join(told), more) if part)}"


def _risk(risk: Risk) -> str:
    return f"- {_SIGNS[risk.severity]} **{risk.severity.word}** {code(risk.service)}: {text(risk.text)}"


def _row(service: Service, currency: str) -> str:
    facts = (text(told) for _, told in words.facts(service, currency))
    return f"| {' | '.join((code(service.name), service.verb.value, *facts))} |"


def _section(service: Service, *, fold: bool) -> Iterator[str]:
    steps = service.steps or (words.NO_STEPS,)
    title = f"{service.name}: {', '.join(steps[:8])}" + (" …" if len(steps) > 8 else "")
    yield ""
    if fold:
        yield f"<details><summary>{_dead(html.escape(_cut(title, _LONGEST)))}</summary>"
    else:
        yield f"**{text(service.name)}**: {text(', '.join(steps))}"
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


def text(value: str, most: int = _LONGEST) -> str:
    """Escaped text of users, cut after ``most`` characters.

    It renders no markup, list, mention, reference or link anywhere in a line.
    """
    plain = _SPECIAL.sub(r"\\\1", html.escape(_cut(value, most), quote=False))
    return _dead(_BEGINS.sub(r"\1\\", plain))


def code(value: str, most: int = _LONGEST) -> str:
    """Text of users as a code span, safe in a table's cell; cut like ``text``."""
    plain = _cut(value, most)
    if not plain:
        return "-"
    fence = "`" * (max((len(run) for run in re.findall(r"`+", plain)), default=0) + 1)
    pad = " " if plain[0] == "`" or plain[-1] == "`" else ""
    return f"{fence}{pad}{plain}{pad}{fence}".replace("|", "\\|")


def _dead(value: str) -> str:
    return _LIVE.sub("\u200b", value)


def _cut(value: str, most: int) -> str:
    """One line of at most ``most`` characters."""
    line = plain.line(" ".join(value.split()))
    return line if len(line) <= most else f"{line[:most]}… ({len(line):,} characters)"
