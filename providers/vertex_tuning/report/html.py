"""The report as one self-contained HTML page: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from . import words
from .model import Report, Service

_OPEN = 3  # services whose reasons are shown unfolded

_STYLE = Path(__file__).with_name("page.css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(report: Report) -> str:
    """The whole page; everything from users is escaped."""
    title = f"{report.stack}: {words.headline(report)}" if report.stack else words.headline(report)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE.read_text()}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *_body(report),
            "</body></html>",
            "",
        ]
    )


def _body(report: Report) -> Iterator[str]:
    if report.errors:
        yield '<ul class="errors">'
        yield from (f"<li>{escape(error)}</li>" for error in report.errors)
        yield "</ul>"
        if report.services:
            yield f'<p class="soft">{escape(words.PARTIAL)}</p>'
    if report.risks:
        yield '<ul class="risks">'
        for risk in report.risks:
            rank = risk.severity.word
            yield (
                f'<li class="{rank.lower()}"><span class="rank">{rank}</span>'
                f"<code>{escape(risk.service)}</code> {escape(risk.text)}</li>"
            )
        yield "</ul>"
    if report.services:
        yield from _pairs("totals", words.totals(report))
        yield "<h2>Services</h2>"
        for service in report.services:
            yield from _service(service, report)
    if report.others:
        yield "<h2>Other resources</h2><ul>"
        yield from (
            f"<li>{count} x <code>{escape(what)}</code></li>" for what, count in sorted(report.others.items())
        )
        yield "</ul>"


def _pairs(name: str, told: Sequence[tuple[str, str]]) -> Iterator[str]:
    if told:
        yield f'<dl class="{name}">'
        yield from (f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in told)
        yield "</dl>"


def _service(service: Service, report: Report) -> Iterator[str]:
    yield f"<details{' open' if len(report.services) <= _OPEN else ''}>"
    yield f"<summary>{escape(service.name)} <span>{service.verb.value}</span></summary>"
    yield '<div class="body">'
    # A failed preview is incomplete, so "none" and "no" may be wrong.
    yield from _pairs("facts", () if report.errors else words.facts(service, report.currency))
    if service.changes:
        rows = [
            (
                _code(edit.key),
                _code(edit.before),
                _code(edit.after),
                edit.means + (", changed outside" if edit.outside else ""),
            )
            for edit in service.changes
        ]
        yield from _table(("edit", "before", "after", "means"), rows)
    if service.data:
        rows = [
            (_code(data.key), _code(data.source), escape(words.counted(data)), escape(words.lines(data)))
            for data in service.data
        ]
        yield from _table(("data", "file", "content", "lines"), rows)
    yield '<ul class="notes">'
    yield f"<li>{escape(', '.join(service.steps) or words.NO_STEPS)}</li>"
    yield from (f"<li>{escape(note)}</li>" for note in service.notes)
    yield "</ul></div></details>"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in headings)}</tr></thead><tbody>"
    for row in rows:
        cells = zip(headings, row, strict=True)
        yield f"<tr>{''.join(f'<td data-name={name!r}>{cell}</td>' for name, cell in cells if cell)}</tr>"
    yield "</tbody></table>"


def _code(value: str) -> str:
    return f"<code>{escape(value)}</code>" if value else '<span class="soft">-</span>'
