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
from vertex_tuning.report.markdown import LEAST_LIMIT, text
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
    "- a list",
    "+ a list",
    "-",
    "---",
    "===",
    "1. a list",
    "12) a list",
    "x " * 5_000,
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


def report(*services: Service, text: str = "x", risks: int = 1, errors: int = 0) -> Report:
    return Report(
        prices="list price of 2026-07-08",
        stack=text,
        currency="USD",
        errors=tuple(text for _ in range(errors)),
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
    left_out = re.search(r"_The details of ([\d,]+) services are omitted", written)
    assert shown + (int(left_out[1].replace(",", "")) if left_out else 0) == services
    if edits == 5000:
        assert "and 4,960 more edits" in written
    if services == 3000:
        assert "and 2,900 more services" in written
        assert "and 2,980 more risks" in written


LONG = ["x" * 70_000, "<&`|*_" * 1_000, "`" * 2_000, "@#" * 2_000, "-\n" * 4_000]
LIMITS = [LEAST_LIMIT, 2_000, COMMENT_LIMIT // 2, COMMENT_LIMIT]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("text", LONG, ids=[text[:6].strip() for text in LONG])
def test_a_limit_is_kept_whatever_is_long(text: str, limit: int) -> None:
    many = [service(text, text, 1) for _ in range(25)]
    for told in (
        report(text=text, errors=100),
        report(*many, text=text, risks=100, errors=100),
        report(*many, text=text, risks=100),
    ):
        assert len(markdown(told, limit)) <= limit


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(0, 30),
    st.integers(LEAST_LIMIT, 4000),
    st.text(max_size=900),
    st.booleans(),
)
def test_any_limit_is_kept(services: int, edits: int, limit: int, text: str, failed: bool) -> None:  # noqa: FBT001
    many = [service(f"service-{n}", text, edits) for n in range(services)]
    told = report(*many, text=text, risks=services, errors=edits if failed else 0)
    assert len(markdown(told, limit)) <= limit


def test_the_head_says_what_it_leaves_out() -> None:
    written = markdown(report(*(service(f"s{n}") for n in range(9)), risks=3), LEAST_LIMIT)
    assert "_and 3 more risks_" in written or written.count("**High**") == 3
    assert "The details of" in written


def test_a_failed_preview_gives_no_figures() -> None:
    written, page = (render(report(service(), errors=1)) for render in (markdown, html))
    for told in (written, page):
        assert "The preview failed, so this is incomplete" in told
        assert "USD" not in told
        assert "labels.x0" in told, "the edits are told"


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


ALIVE = [
    "@everyone",
    "a@example.com",
    "#1",
    "octo/repo#1",
    "GH-1",
    "https://example.com",
    "HTTP://example.com",
    "ftp://example.com",
    "www.example.com",
    "WWW.example.com",
    "&#64;everyone",
    "\\@everyone",
]
READ = re.compile(r"@\w|#\d|\bgh-\d|(https?|ftp)://|www\.", re.IGNORECASE)
"""What GitHub looks for in a comment's text once it is rendered, outside of code."""


@pytest.mark.parametrize("hostile", ALIVE)
def test_outside_of_code_nothing_is_a_mention_a_reference_or_a_link(hostile: str) -> None:
    assert READ.search(hostile)
    for written in (
        markdown(report(service(text=hostile), text=hostile)),
        markdown(report(*(service(hostile, hostile) for _ in range(9)), text=hostile, errors=1)),
    ):
        rendered = str(MarkdownIt("gfm-like", {"linkify": False}).render(written))
        outside = seen(re.sub(r"<code>.*?</code>", "", rendered)).text
        assert not READ.search(outside), READ.search(outside)
        assert hostile.replace("\\", "") in outside.replace("\u200b", "").replace("\\", ""), (
            "it reads as written"
        )


def test_what_is_no_link_can_be_copied() -> None:
    assert text("in gs://bucket/folder, 1.49 USD") == "in gs://bucket/folder, 1.49 USD"


def test_the_page_asks_for_nothing_from_outside() -> None:
    page = html(report(service()))
    assert {tag for tag, _ in seen(page).tags}.isdisjoint({"script", "link", "img", "iframe", "object", "a"})
    assert not re.search(r"url\(|@import|https?://", page)
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
