"""However much and whatever a preview holds, the comment fits and nothing in it comes alive."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vertex_tuning.pricing import Money
from vertex_tuning.report import COMMENT_LIMIT, Report, html, markdown
from vertex_tuning.report.model import (
    NO_COST,
    Change,
    Cost,
    Data,
    Downtime,
    Risk,
    Service,
    Severity,
    Span,
    Training,
    Verb,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</summary></details><h1>gone</h1>",
    "`</code><b>x</b>",
    "[click](javascript:alert(1))",
    "![x](https://example.com/x.png)",
    "https://example.com/steal",
    "www.example.com",
    "@everyone and #1",
    "a | b | c",
    "line\n\n# heading\n- [ ] task",
    "``` fence",
    "`````",
    "**bold** _soft_ ~~gone~~",
    "&lt;b&gt; &#64;",
    "\\`x\\`",
]


def service(name: str = "tickets", text: str = "x", edits: int = 1) -> Service:
    money = Span(Money(Decimal(1)), Money(Decimal(2), (text,)))
    return Service(
        name=name,
        verb=Verb.CHANGED,
        training=Training.AGAIN,
        downtime=Downtime.TAKEN_OVER,
        cost=Cost(Money(unknown=(text,)), money, money),
        changes=tuple(
            Change(key=f"labels.{text}{n}", before=text, after=text, means="in place") for n in range(edits)
        ),
        data=(
            Data(
                key="tuning.training_data",
                source=text,
                examples_before=1,
                examples_after=2,
                not_compared=text,
            ),
        ),
        steps=("update Endpoint",),
        notes=(text,),
    )


def report(*services: Service, text: str = "x", risks: int = 1) -> Report:
    return Report(
        stack=text,
        currency="USD",
        errors=(text,),
        risks=tuple(Risk(Severity.HIGH, text, text) for _ in range(risks)),
        services=services,
        others={text: 2},
        cost=NO_COST,
        complete=True,
    )


@pytest.mark.parametrize(("services", "edits"), [(1, 1), (1, 5000), (40, 3), (3000, 3)])
def test_the_comment_fits_and_says_what_it_leaves_out(services: int, edits: int) -> None:
    many = [service(f"service-{n}", "value " * 15, edits) for n in range(services)]
    written = markdown(report(*many, risks=services))
    assert len(written) <= COMMENT_LIMIT
    shown = written.count("<details>") or written.count("**service-")
    left_out = re.search(r"_The reasons of ([\d,]+) services are left out", written)
    assert shown + (int(left_out[1].replace(",", "")) if left_out else 0) == services
    if edits == 5000:
        assert "and 4,960 more edits" in written
    if services == 3000:
        assert "and 2,900 more services" in written
        assert "and 2,980 more risks" in written


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 30), st.integers(1000, 4000), st.text(max_size=40))
def test_any_limit_is_kept_for_what_can_be_left_out(services: int, edits: int, room: int, text: str) -> None:
    many = [service(f"service-{n}", text, edits) for n in range(services)]
    head = len(markdown(report(*many, text=text), 1))
    assert len(markdown(report(*many, text=text), head + room)) <= head + room


def test_few_reasons_stand_open_and_many_are_folded() -> None:
    assert "<details>" not in markdown(report(service()))
    assert markdown(report(*(service(f"s{n}") for n in range(9)))).count("<details>") == 9


class Seen(HTMLParser):
    """Every element with its attributes, and all the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(page: str) -> Seen:
    parser = Seen()
    parser.feed(page)
    return parser


def shape(page: str) -> list[Any]:
    return [(tag, sorted(attributes)) for tag, attributes in seen(page).tags]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_page_has_the_same_elements_whatever_the_text(hostile: str) -> None:
    page = html(report(service(text=hostile), text=hostile))
    assert shape(page) == shape(html(report(service(text="x"), text="x")))
    assert " ".join(hostile.split()) in " ".join(seen(page).text.split()), "and shows it as it is"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_comment_has_the_same_elements_whatever_the_text(hostile: str) -> None:
    def rendered(text: str) -> str:
        found = markdown(report(*(service(f"s{n}", text) for n in range(4)), text=text))
        return str(MarkdownIt("gfm-like", {"linkify": False}).render(found))

    assert shape(rendered(hostile)) == shape(rendered("x"))


@pytest.mark.parametrize("hostile", ["@everyone", "#1", "https://example.com", "octo/repo#1"])
def test_outside_of_code_nothing_is_a_mention_a_reference_or_a_link(hostile: str) -> None:
    written = markdown(report(service(text=hostile), text=hostile))
    outside = re.sub(r"(`+).*?\1", "", written)
    assert hostile not in outside


def test_the_page_asks_for_nothing_from_outside() -> None:
    page = html(report(service()))
    assert {tag for tag, _ in seen(page).tags}.isdisjoint({"script", "link", "img", "iframe", "object", "a"})
    assert not re.search(r"url\(|@import|https?://", page)
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
