"""Previews that the real engine printed, and what a reviewer reads of them.

The previews are whole but for what no report needs: where in the program a resource stands, and times.
"""

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from vertex_tuning.pricing import NO_PRICES, read_book
from vertex_tuning.report import Report, build, html, markdown, read_preview

HERE = Path(__file__).parent
PREVIEWS = sorted((HERE / "previews").glob("*.json"))


def report(name: str, *, priced: bool = True) -> Report:
    book = read_book(HERE / "prices.json") if priced else NO_PRICES
    return build(read_preview((HERE / "previews" / f"{name}.json").read_bytes()), book)


class Markdown(SingleFileSnapshotExtension):
    file_extension = "md"
    _write_mode = WriteMode.TEXT


class Html(SingleFileSnapshotExtension):
    file_extension = "html"
    _write_mode = WriteMode.TEXT


@pytest.mark.parametrize("name", [path.stem for path in PREVIEWS])
def test_markdown(name: str, snapshot: SnapshotAssertion) -> None:
    assert markdown(report(name)) == snapshot(extension_class=Markdown)


@pytest.mark.parametrize("name", ["data", "budget"])
def test_html(name: str, snapshot: SnapshotAssertion) -> None:
    assert html(report(name)) == snapshot(extension_class=Html)


def test_without_prices_nothing_is_invented(snapshot: SnapshotAssertion) -> None:
    assert markdown(report("data", priced=False)) == snapshot(extension_class=Markdown)
